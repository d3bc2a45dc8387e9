---@meta _
-- A torrent of a session, and its trackers.

---@class mare.Tracker
---@field url string
---@field tier integer from 1
---@field state "idle"|"announcing"|"working"|"failed"|"unsupported"
---@field message? string the last one
---@field seeds? integer complete peers that it knows
---@field leechers? integer incomplete peers that it knows
---@field downloads? integer how often it saw the torrent downloaded
---@field peers integer addresses in its last answer
---@field failures integer in a row
---@field next? number seconds until the next announce

---@class mare.Torrent
---@field alive boolean
---@field session mare.Session
---@field data table yours: empty at first, there as long as the torrent
---@field name string while the metadata is not known: as the link says, or the info-hash
---@field info_hash string 40 hexadecimal digits
---@field magnet string a link to it, with its trackers and web seeds
---@field size? integer nil, as all of these up to `files`, while the metadata is not known; padding included
---@field piece_length? integer
---@field pieces? integer how many
---@field private? boolean
---@field comment? string
---@field created_by? string
---@field created_at? integer unix time
---@field directory? string where its file or folder lies
---@field files mare.File[] a new list each time, so keep it in a local; without padding
---@field readers mare.Reader[] who reads its files now, the HTTP server's included; a new list each time
---@field state "metadata"|"checking"|"downloading"|"finished"|"seeding"|"removing" finished: all that is wanted is here; seeding: all is
---@field paused boolean
---@field error? string why the disk makes it wait; it goes on by itself when there is room again
---@field done boolean all that is wanted is here
---@field progress number 0..1 of what is wanted
---@field metadata_progress? number 0..1 of the metadata; nil once it is known
---@field check_progress? number 0..1 while checking
---@field have integer verified bytes
---@field wanted integer bytes of pieces that are not skipped
---@field left integer of those, bytes still missing
---@field pieces_have integer
---@field piece_map string one character a piece: . missing, - active, ~ being hashed or written, # have
---@field added_at? integer unix time
---@field done_at? integer unix time
---@field downloaded integer payload, earlier sessions included
---@field uploaded integer payload, earlier sessions included
---@field wasted integer payload that was of no use: came twice, or failed its hash
---@field ratio number uploaded / downloaded (to the size, if nothing was downloaded)
---@field download_rate integer of payload, now
---@field upload_rate integer of payload, now
---@field eta? number seconds, at the rate of now; nil: it stands
---@field up_rate integer upload limit, 0 none; may be set
---@field down_rate integer download limit, 0 none; may be set
---@field slots integer upload slots; may be set, nil for the session's
---@field connections integer at most so many peers; may be set, nil for the session's
---@field peers mare.Peer[] connected peers; a new list each time
---@field peer_count integer how many they are
---@field connecting integer attempts and handshakes under way
---@field seeds integer connected peers that have everything
---@field known_peers integer addresses that it knows
---@field trackers mare.Tracker[] a new list each time; may be set: a list of tiers, each an address or a list of them. Who is removed is told `stopped`; a changed list is kept in `state`
---@field swarm_seeds? integer complete peers, as the best informed tracker says; nil: none has said
---@field swarm_leechers? integer incomplete peers, likewise
---@field swarm_downloads? integer how often it was downloaded, likewise
---@field policy mare.Policy functions of this torrent; may be set, to a table; nil for none
---@field media mare.File[] video and audio in natural order, without samples; a new list each time
---@field main_file? mare.File the largest of them; without any, the largest file
---@field url? string of the main file at the session's streaming server; nil while there is none
---@field playlist_url? string an M3U of `media`
local Torrent = {}

---Ends connections and announces; the check goes on.
function Torrent:pause() end

function Torrent:resume() end

---Hashes all data again; `checked` follows.
---@return true? ok, string? message, mare.Code? code
function Torrent:recheck() end

---Writes resume state now; `saved` follows.
---@return true? ok, string? message, mare.Code? code
function Torrent:save() end

---Moves its files below another directory, which is created; `moved` follows. Nothing there is
---overwritten.
---@param directory string
---@return true? ok, string? message, mare.Code? code
function Torrent:move(directory) end

---Takes it out of the session: it is dead at once, `removed` follows. With data = true its files are
---deleted, else resume state is saved.
---@param options? { data: boolean }
---@return true
function Torrent:remove(options) end

---@param index integer from 0
---@return mare.Piece
function Torrent:piece(index) end

---@param number integer from 1, as in `files`
---@return mare.File?
function Torrent:file(number) end

---Reads verified bytes, at most 64 MiB; offsets count as if all files were one. With a callback: true,
---and later callback(bytes) or callback(nil, message, code). In a task without: the bytes.
---@param offset integer
---@param length integer
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function Torrent:read(offset, length, callback) end

---Changes many files at once: file number to 0 (skip) .. 7.
---@param priorities table<integer, integer>
function Torrent:set_priorities(priorities) end

---Dials a peer: "1.2.3.4:6881", "[::1]:6881", "host.example:6881".
---@param address string
---@return true? ok, string? message, mare.Code? code
function Torrent:connect(address) end

---An address that may be dialled in its turn, after policy.admit has had its say: for peers that your own
---program finds. (An address that is given to connect() is not judged by admit.)
---@param address string "1.2.3.4:6881", "[::1]:6881"
---@return true? ok, string? message, mare.Code? code
function Torrent:suggest(address) end

---Bars an address. On loopback only the port with it, for there all peers share one.
---@param address string with or without port
---@param seconds? number nil: for good
function Torrent:ban(address, seconds) end

---@param url string
---@param tier? integer from 1 (1)
---@return true? ok, string? message, mare.Code? code
function Torrent:add_tracker(url, tier) end

---@param url string
---@return boolean found
function Torrent:remove_tracker(url) end

---Announces to trackers now, or when they allow it; those that failed are tried again. `tracker` follows.
---@return true? ok, string? message, mare.Code? code
function Torrent:announce() end

---Asks the trackers for the size of the swarm, each at most once a minute. `scrape` follows for each,
---then swarm_seeds and its neighbours say it.
---@return integer? asked, string? message, mare.Code? code
function Torrent:scrape() end

---Calls f for this event of this torrent.
---@generic F: fun(torrent: mare.Torrent, ...)
---@param event mare.Event
---@param f F
---@return F f
function Torrent:on(event, f) end

---Takes a handler back, also while it is being called.
---@param event mare.Event
---@param f function
---@return boolean found
function Torrent:off(event, f) end

---In a task: suspends it until the event, and returns what a handler would get. What has happened
---already (`metadata`, `checked`, `done`) is not waited for: then it returns the torrent alone.
---@param event mare.Event
---@param timeout? number seconds, then: nil, message, "timeout". A removed torrent: .., "closed".
function Torrent:wait(event, timeout) end
