---@meta mare
-- The reference of `require "mare"`, in LuaCATS: editors with the Lua language server complete and
-- check scripts by it. A spec asserts that it names exactly what exists.
--
-- Conventions
--   Units       sizes are bytes, rates bytes per second, times seconds; fractions go from 0 to 1.
--   Counting    pieces are counted from 0, as everywhere in BitTorrent; lists (files, peers, tiers)
--               from 1, as everywhere in Lua.
--   Failures    what may fail in life returns nil, a sentence, and a code; misuse raises. The codes:
--               "nomem" "invalid" "format" "unsafe" "limit" "io" "nospace" "access" "notfound"
--               "exists" "closed" "timeout" "refused" "protocol" "hash" "again" "canceled"
--               "unsupported" "eof" "network" "busy", and "script" for errors in your own functions.
--   Death       an object whose torrent was removed, connection closed or session closed raises
--               ("peer is closed") when it is used. `tostring`, `alive`, `data`, `session` and
--               `torrent` always work.
--   Identity    the same object is the same Lua value: use it as a table key, compare it with ==.
--   Proxies     with a proxy, connections to peers, HTTP trackers and web servers go through it, and it
--               resolves their names. What it cannot carry is off: incoming connections, UDP trackers,
--               DHT, local discovery, port mapping, peers given by name. No event shows its password.
--   Names       reading or writing a property that does not exist raises, and suggests one that does.

---@alias mare.Code string

-- ---- the module --------------------------------------------------------------------------------

---@class mare
---@field version string "0.1.0"
local mare = {}

---@class mare.Settings
---@field port? integer|false TCP port to listen on; 0 any free one, false none. Default 0.
---@field bind? string an address of this machine, or a network interface ("tun0"): all that is sent
---    and taken goes through it alone, to peers, trackers and DHT. Default: all.
---@field blocklist? string a file of addresses not to talk to: P2P, DAT or CIDR. Default: none.
---@field encryption? "prefer"|"require"|"off" of connections to peers (MSE). Default "prefer": dialled
---    encrypted, then in plain; both are accepted. "require": RC4 or nothing.
---@field portmap? boolean ask the router for our port, by NAT-PMP or UPnP. Default true; on a loopback
---    address nobody is asked.
---@field portmap_lease? integer seconds until the router forgets us if we die. Default 3600.
---@field directory? string where downloads go. Default: the working directory.
---@field state? string where resume files are kept; created. Default: none are kept.
---@field memory? integer budget for piece buffers. Default 64 MiB.
---@field connections? integer peers at most, math.huge for any number. Default 200.
---@field slots? integer upload slots per torrent, math.huge for everybody. Default 8.
---@field up_rate? number upload limit; 0 none
---@field down_rate? number download limit; 0 none
---@field receive? "scatter"|"chunked" straight into piece buffers, or through chunks (for comparison)
---@field allocation? "sparse"|"full" do files reserve all of their space at once? Default "sparse".
---@field dht? boolean|mare.DhtOptions are peers looked for in the DHT (BEP 5)? Never for private torrents. Default true, unless port is false.
---@field lsd? boolean are peers looked for on the local network (BEP 14)? Never for private torrents. Default true, unless port is false or it is bound to this machine alone (127.0.0.1).
---@field pex? boolean do peers tell each other of others (BEP 11)? Never for private torrents. Default true.
---@field proxy? string "socks5://[USER[:PASSWORD]@]HOST:PORT" or "http://...", for all that leaves (see Proxies)
---@field proxy_bypass? boolean what a proxy cannot carry goes without it, and shows your address. Default false.
---@field user_agent? string what trackers are told. Default "mare/VERSION".
---@field ca_file? string a further certificate authority for https trackers
---@field http? boolean|mare.ServeOptions serve files to players, as session:serve does. Default false.
---@field seed? integer of the engine's random decisions, so that they can be repeated. Default: random.

---Opens a session. It works only while it is driven: session:run(), or session:step().
---@param settings? mare.Settings
---@return mare.Session? session, string? message, mare.Code? code
function mare.session(settings) end

---@class mare.Info
---@field name? string
---@field info_hash string 40 hexadecimal digits
---@field piece_length? integer
---@field pieces? integer
---@field size? integer padding included
---@field private? boolean
---@field peers? string[] of a magnet link: HOST:PORT
---@field trackers string[][] tiers of addresses
---@field webseeds string[]
---@field comment? string
---@field created_by? string
---@field created_at? integer unix time
---@field renamed string[] a sentence for each path that was unsafe and is stored under another name
---@field files { path: string, length: integer, offset: integer }[] paths as created below the directory

---Reads a .torrent: its path, or its bytes. Of a magnet link: what it says; the rest is nil, `files`
---is empty.
---@param source string
---@return mare.Info? info, string? message, mare.Code? code
function mare.info(source) end

---Addresses that one does not want to meet, in ranges.
---@class mare.Blocklist
---@field complaints { line: integer, what: string }[] of the text that was added last: at most 20
---@operator len: integer
local Blocklist = {}

---Adds the text of a list, its lines in P2P, DAT or CIDR format, mixed as they may be. A line that
---makes no sense is complained about and left out.
---@param text string
---@return integer? ranges, string? message, mare.Code? code
function Blocklist:add(text) end

---@param ip string "1.2.3.4", "1.2.3.4:6881", "[::1]:6881"
---@return boolean
function Blocklist:has(ip) end

---Reads these files into one list (half a million lines take a fifth of a second).
---@param ... string paths
---@return mare.Blocklist? list, string? message, mare.Code? code
function mare.blocklist(...) end

---@class mare.Creation
---@field trackers? string[] each its own tier
---@field webseeds? string[] http servers that have the data (BEP 19)
---@field piece_length? integer a power of two from 16 KiB to 16 MiB. Default: by the size.
---@field name? string Default: as the file or folder is called.
---@field private? boolean peers are found by the trackers alone (BEP 27)
---@field align? boolean padding, so that every file begins with a piece (BEP 47)
---@field comment? string
---@field created_by? string Default "mare/VERSION".
---@field created_at? integer unix time. Default: left out, so that the same input gives the same bytes.
---@field source? string a word that changes the info-hash
---@field progress? fun(done: number, total: number): boolean? false cancels
---@field note? fun(sentence: string) hears of what is left out: hidden files, links

---Makes a torrent of a file or folder, and returns the bytes of the .torrent. Blocks until all is
---hashed, on all processors.
---@param path string
---@param options? mare.Creation
---@return string? bytes, string? message, mare.Code? code
function mare.create(path, options) end

---Runs f(...) as a task: a coroutine in which wait, sleep and read suspend. It begins at once, and
---goes on in the steps of its session: that of the task that spawns it, else the newest open one
---(session:spawn says which). An error in it becomes an `error` event with a traceback.
---@param f fun(...)
---@return thread
function mare.spawn(f, ...) end

---In a task: suspends it.
---@param seconds number
function mare.sleep(seconds) end

---A clock that never goes back.
---@return number seconds
function mare.now() end

---What kind of object this is.
---@return "session"|"torrent"|"file"|"peer"|"piece"|"reader"|"view"|"http"|nil
function mare.type(value) end

-- ---- events ------------------------------------------------------------------------------------

-- Handlers of a torrent and of its session are called with the torrent and:
--
--   state        state: string               its state changed ("paused", too)
--   metadata                                 the info dictionary is known (at once for .torrent files)
--   checked      pieces: integer             the check of existing data ended; so many were found
--   piece        piece: mare.Piece           verified and written
--   file         file: mare.File             complete
--   done                                     everything wanted is here
--   peer         peer: mare.Peer             a connection stands
--   peer_closed  peer: mare.Peer, mare.Closed   gone; peer.data is still there
--   tracker      mare.Announced              an announce ended
--   peers        count: integer, source: string   a finder named new addresses: "tracker", "pex", ...
--   scrape       mare.Scraped                a tracker told the size of the swarm, or failed to
--   hash_failed  piece: mare.Piece           failed its hash, is fetched again
--   banned       who: string                 an address was barred: address and why
--   moved        true, or nil, message, code torrent:move ended
--   removed      true, or nil, message, code torrent:remove ended; the torrent is dead
--   saved                                    resume state is on disk
--   error        message: string, code       of the engine, or ("script") of a handler, task or policy
--
-- A session's handlers get the session first where no torrent is concerned: `error`, and
--
--   blocklist    ranges: integer, note, or nil, message, code   session:load_blocklist ended
--   portmap      port: integer, how, or nil, message, code      the router was asked for our port
--   overflow     count: integer              so many events were lost: the script was too slow
--
-- Of a torrent that was removed only `removed`, `peer_closed` and `error` are still told.
--
-- Handlers run inside session:step(), after the engine's work; they may do anything, close the session
-- included. When one raises, the others are still called, and the error (with traceback) becomes an
-- `error` event. If nobody listens to those, session:step() and session:run() return it: nil,
-- message, "script". Of several the first is returned.

---@alias mare.Event
---| "state" | "metadata" | "checked" | "piece" | "file" | "done" | "peer" | "peer_closed"
---| "tracker" | "peers" | "scrape" | "hash_failed" | "banned" | "moved" | "removed" | "saved" | "error" | "overflow"
---| "blocklist" | "portmap"

---@class mare.Closed
---@field reason string why, as a sentence; what peer:close was given
---@field code? mare.Code
---@field address string as of the peer, like those that follow
---@field client string
---@field incoming boolean
---@field downloaded integer
---@field uploaded integer
---@field connected_for number seconds

---@class mare.Announced
---@field url string
---@field peers integer how many addresses came
---@field message? string
---@field code? mare.Code nil: it went well

---@class mare.Scraped
---@field url string
---@field seeds? integer complete peers
---@field leechers? integer incomplete peers
---@field downloads? integer how often it was downloaded to the end
---@field message? string
---@field code? mare.Code nil: it went well

-- ---- session -----------------------------------------------------------------------------------

---@class mare.Stats
---@field payload_received integer bytes of blocks that arrived, wanted or not
---@field payload_copied integer bytes of blocks that user space copied on their way in
---@field payload_wasted integer bytes of blocks that nobody had asked for or that came twice
---@field payload_failed integer bytes of pieces that failed their hash
---@field payload_sent integer bytes of blocks sent
---@field bytes_received integer all bytes read from peers
---@field bytes_sent integer all bytes written to peers
---@field recv_calls integer receive system calls on peers
---@field send_calls integer send system calls on peers
---@field slots_predicted integer parts of a receive that were filled as predicted
---@field slots_missed integer parts of a receive where another message came
---@field pieces_verified integer pieces that matched their hash after download
---@field pieces_failed integer pieces that did not
---@field hash_nsec integer nanoseconds that workers spent hashing
---@field disk_nsec integer nanoseconds that workers spent in file calls
---@field upload_reads_now integer blocks for upload that were read from memory at once
---@field upload_reads_job integer reads for upload that needed a worker
---@field udp_received integer bytes of datagrams that came to the UDP port
---@field udp_sent integer bytes of datagrams sent from the UDP port
---@field dht_received integer bytes of messages of the DHT that came
---@field dht_sent integer bytes of messages of the DHT that were sent
---@field steps integer turns of the loop
---@field pool_used integer now: bytes of the memory budget that are handed out or kept warm
---@field pool_idle integer now: bytes of those that lie idle, kept warm for the next piece
---@field pieces_open integer now: pieces that are being received, hashed or written
---@field write_queue integer now: bytes of complete pieces that wait for hash and disk
---@field jobs_running integer now: jobs that workers have
---@field requests_outstanding integer now: blocks asked of peers and not yet here
---@field uploads_queued integer now: blocks that peers asked for and that have not begun to leave
---@field events_waiting integer now: events that nobody has picked up yet
---@field policy table<string, mare.PolicyStats> of each policy function, by its name

---@class mare.Ban
---@field address string on loopback with the port
---@field seconds? number so long still; nil: for good

---@class mare.PolicyStats
---@field rounds integer how often it was asked, each time about many
---@field calls integer about how many in all
---@field seconds number that this took
---@field fallbacks integer rounds that failed, so that the built-in decided

---One engine. Collected when nothing refers to it or its objects any more; close it to say goodbye.
---@class mare.Session
---@field alive boolean
---@field data table yours: empty at first
---@field port? integer where it listens; nil: nowhere
---@field peer_id string 40 hexadecimal digits
---@field directory string
---@field proxy? string "socks5://HOST:PORT", without user and password
---@field memory integer budget for piece buffers
---@field memory_used integer
---@field connections integer at most so many peers; may be set
---@field slots integer upload slots per torrent; may be set
---@field up_rate integer upload limit, 0 none; may be set
---@field down_rate integer download limit, 0 none; may be set
---@field upload_rate integer of payload, now
---@field download_rate integer of payload, now
---@field peers mare.Peer[] all connected peers; a new list each time
---@field connection_count integer connections, attempts included
---@field external_port? integer where the router lets others in to us; nil: not mapped
---@field external_ip? string our address outside, as the router says, or most of trackers, peers and DHT
---@field blocked_ranges integer of addresses, by the blocklist
---@field encryption "prefer"|"require"|"off"
---@field dht mare.Dht also when it is off
---@field stats mare.Stats a new table each time
---@field bans mare.Ban[] barred addresses; a new list each time
---@field turnover number seconds between two times that the worst peers make room when (nearly) full (300); may be set, nil for the default
---@field policy mare.Policy functions for all torrents that have none of their own; may be set, to a table
---@field http? mare.Http the streaming server, while there is one
local Session = {}

---@class mare.AddOptions
---@field directory? string Default: the session's.
---@field paused? boolean no connections and no announces until torrent:resume()
---@field seed? boolean the data is said to be complete: it is checked before anything else
---@field files? (integer|string)[] only these: numbers as in torrent.files, or Lua patterns of paths
---@field priorities? table<integer, integer> file number to 0 (skip) .. 7; 4 is normal
---@field allocation? "sparse"|"full" Default: the session's.
---@field storage? "disk"|"memory" "memory": nothing of it is ever written, nor remembered. Default "disk".
---@field max_memory? integer bytes of pieces that "memory" keeps, beside the session's `memory`; as much as that by default
---@field max_disk? integer bytes of pieces that are kept on disk. When not all of a torrent may be kept, only what readers need is fetched, and what was used longest ago goes; at least 4 pieces.
---@field throwaway? boolean its data is deleted when the session closes, or after a crash when the next session opens the same `state`; `session:remove` without data keeps it. Files that were there before are never deleted.

---Adds a torrent: the path, web address or bytes of a .torrent, a magnet link, or an info-hash (40
---hexadecimal digits or 32 of base32). If it is in the session already: nil, message, "exists", and
---the torrent.
---
---A link says no more than where to ask: the torrent begins in the state "metadata", and goes on when
---peers have told the rest (event `metadata`; at once when the state directory has it from the last
---time). `files` and `priorities` are applied then.
---
---A web address takes time. In a task that suspends; with a callback it goes on behind (and the
---callback gets what is returned elsewhere); otherwise the session is stepped until it is there.
---@param source string
---@param options? mare.AddOptions
---@param callback? fun(torrent: mare.Torrent?, message: string?, code: mare.Code?, existing: mare.Torrent?)
---@return mare.Torrent|true|nil torrent, string? message, mare.Code? code, mare.Torrent? existing
function Session:add(source, options, callback) end

---The same as torrent:remove(options).
---@param torrent mare.Torrent
---@param options? { data: boolean }
function Session:remove(torrent, options) end

---In the order they were added; a new list each time.
---@return mare.Torrent[]
function Session:torrents() end

---@param info_hash string 40 hexadecimal digits
---@return mare.Torrent?
function Session:find(info_hash) end

---Calls f for this event of all torrents. Handlers of the torrent are called first.
---Reads a blocklist on a worker; it takes the place of the one before when it is whole, and peers that are
---on it are dropped. `blocklist` tells of the end: how many ranges, and what lines made no sense.
---@param path string P2P, DAT or CIDR, also mixed
---@return true? ok, string? message, mare.Code? code
function Session:load_blocklist(path) end

---@generic F: fun(torrent: mare.Torrent|mare.Session, ...)
---@param event mare.Event
---@param f F
---@return F f
function Session:on(event, f) end

---Takes a handler back, also while it is being called.
---@param event mare.Event
---@param f function
---@return boolean found
function Session:off(event, f) end

---In a task: suspends it until the event, and returns what a handler would get.
---@param event mare.Event
---@param timeout? number seconds, then: nil, message, "timeout"
function Session:wait(event, timeout) end

---Takes its policy from a file, which returns a table of functions (see mare.Policy), and loads it
---again when it changes; if that fails the one before goes on, and an `error` event says why. The
---file is Lua source and gets the session as its argument and an environment of its own: Lua's library
---without what reaches outside, and require "mare.policy". nil: the engine decides again.
---@param path string?
---@return true? ok, string? message, mare.Code? code
function Session:load_policy(path) end

---Writes down what its policies are asked from now on, and what they or the built-ins answer, a line of
---JSON for each round, for mare.replay. nil: no more. It shows whom one talked to: addresses, ids and
---info of peers. A file that cannot be written ends it with an `error` event.
---@param path string? is replaced
---@return true? ok, string? message, mare.Code? code
function Session:record(path) end

---Lets a barred address in again.
---@param address string as in `bans`
---@return boolean found
function Session:unban(address) end

---Runs f(...) as a task of this session: see mare.spawn.
---@return thread
function Session:spawn(f, ...) end

---One turn: waits at most `seconds` (nil: until something happens), works, calls handlers, resumes
---tasks. From inside a handler or task: nil, "already stepping", "busy".
---@param seconds? number
---@return true? ok, string? message, mare.Code? code
function Session:step(seconds) end

---Steps until the session is stopped or closed, or until the condition is met: a function that is
---asked at least once a second and after each event, or a number of seconds.
---@param condition? number|fun(session: mare.Session): boolean?
---@return true? ok, string? message, mare.Code? code
function Session:run(condition) end

---Lets run() return, now or when it is called next.
function Session:stop() end

---For an outer loop: a descriptor that becomes readable when there is something to do. Then, and
---when timeout() is over, call step(0).
---@return integer? fd, string? message, mare.Code? code
function Session:fd() end

---Seconds until step(0) is due at the latest; nil: only when fd() is readable.
---@return number?
function Session:timeout() end

---What fd() is polled for, as cqueues asks: "r".
---@return string
function Session:events() end

---Saves resume state, tells trackers and peers, ends all jobs. Waits at most `linger` seconds (1) for
---trackers. Handlers are not called any more, tasks are closed. Again: does nothing.
---@param linger? number
---@return true
function Session:close(linger) end

-- ---- dht ---------------------------------------------------------------------------------------

---@class mare.DhtOptions
---@field routers? string[] "HOST:PORT" of nodes to ask when no others are known. Default: well-known ones, none if bound to this machine alone.
---@field read_only? boolean ask others, answer nobody (BEP 43): for those who cannot be reached

---This session's node of the distributed hash table (BEP 5).
---@class mare.Dht
---@field alive boolean
---@field session mare.Session
---@field state "off"|"bootstrapping"|"ready" ready: our place in the network was found
---@field id? string 40 hexadecimal digits, for IPv4; nil: there is no IPv4
---@field id6? string for IPv6, which is a network of its own (BEP 32)
---@field nodes integer known ones, IPv4
---@field nodes6 integer known ones, IPv6
---@field port? integer of UDP: that of the session, if it was free
---@field external? string our address as others see it (BEP 42); nil: not known yet
---@field external6? string
---@field read_only boolean
---@field searches integer under way
---@field stored_hashes integer torrents that others announced to us
---@field stored_peers integer their peers
---@field refused integer packets dropped: their senders send too much
---@field unanswered integer packets dropped: we have sent as much as we may (8 KB a second)
---@field malformed integer packets dropped: they made no sense
---@field memory integer bytes, all in all
local Dht = {}

---Looks for the peers of a torrent, without announcing us. In a task: returns their addresses
---("1.2.3.4:6881") when the search is over, which takes seconds; with a callback: calls it with them.
---@param info_hash string 40 hexadecimal digits
---@param callback? fun(peers?: string[], message?: string, code?: mare.Code)
---@return string[]|true? peers, string? message, mare.Code? code
function Dht:get_peers(info_hash, callback) end

---Tells of a node that might exist. It is asked, and known when it answers.
---@param host string name or address
---@param port integer of UDP
---@return true? ok, string? message, mare.Code? code
function Dht:add_node(host, port) end

-- ---- torrent -----------------------------------------------------------------------------------

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
---@field trackers mare.Tracker[] a new list each time; may be set: a list of tiers, each an address or a list of them
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

-- ---- file --------------------------------------------------------------------------------------

---@class mare.File
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field index integer from 1, as in torrent.files
---@field path string below the directory; it begins with the torrent's name
---@field length integer
---@field offset integer of its first byte in the torrent
---@field have integer verified bytes
---@field progress number 0..1
---@field complete boolean
---@field first_piece integer from 0
---@field piece_count integer pieces with bytes of it
---@field priority integer 0 (skip) .. 7; 4 is normal; may be set
---@field wanted boolean priority > 0; may be set
---@field kind? "video"|"audio"|"subtitle"|"image"|"text" what its name says
---@field url? string at the session's streaming server; nil while there is none
local File = {}

---Reads verified bytes of the file: see Torrent:read.
---@param offset? integer in the file (0)
---@param length? integer (the rest)
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function File:read(offset, length, callback) end

---@class mare.ReaderOptions
---@field position? integer where to begin (0)
---@field window? integer bytes that it may look ahead; else as the memory allows, at most 16 MiB
---@field group? integer readers of one viewer: the one that was opened or moved last goes first
---@field prefetch? boolean fetch head and tail of the file at once, where players look (true)

---Opens a reader: what lies before its position is fetched first, by when it is needed. Also of a file
---that is skipped. It is closed when nobody refers to it any more.
---@param options? mare.ReaderOptions
---@return mare.Reader? reader, string? message, mare.Code? code
function File:reader(options) end

-- ---- reader ------------------------------------------------------------------------------------

---A file that is read in order while it comes. Several may read one torrent, each with its own
---position and window.
---@class mare.Reader
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field file mare.File
---@field position integer of the next byte in the file
---@field length integer of the file
---@field window integer bytes before the position that are fetched first; it grows with reading on
---@field ready integer verified bytes from the position on, without a gap
---@field group? integer
---@field superseded boolean another one of its group was opened or moved later
---@field waiting? number seconds that its read has been waiting for bytes that are not here
---@field stalls integer reads that had to wait so
---@field bytes_read integer
---@field health mare.Health what the player says; may be set. Forgotten after 10 s.
local Reader = {}

---With 30 s and more in store, and not paused, nothing is urgent: pieces come rarest first again.
---@class mare.Health
---@field cached_seconds? number what the player has in store
---@field paused_for_cache? boolean it stands still because it has nothing
---@field playhead? number seconds from the beginning
---@field bitrate? number bits per second

---Up to `max` bytes from the position on, as many as are here together; nil at the end of the file. With a
---callback: true, and later callback(bytes) or callback(nil, message, code). In a task without: the
---bytes. One read at a time ("busy"); "canceled" and "closed" tell why one ended early.
---@param max? integer (256 KiB)
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function Reader:read(max, callback) end

---The same as a view: no byte becomes a Lua string.
---@param max? integer (256 KiB)
---@param callback? fun(view: mare.View?, message: string?, code: mare.Code?)
---@return mare.View|true|nil view, string? message, mare.Code? code
function Reader:view(max, callback) end

---In a task: `for bytes in reader:chunks() do`, to the end of the file. A failure is raised.
---@param max? integer most of one chunk (256 KiB)
---@return fun(): string?
function Reader:chunks(max) end

---Moves. A read that waits is canceled, and so are the requests for what only the old place wanted.
---@param position integer at most the length
---@return true? ok, string? message, mare.Code? code
function Reader:seek(position) end

---Ends a read that waits.
---@return true
function Reader:cancel() end

---Gives its priority up until it reads or moves.
---@return true
function Reader:rest() end

---Also in the middle of a read, which ends. Idempotent.
---@return true
function Reader:close() end

-- ---- view --------------------------------------------------------------------------------------

---Verified bytes, read-only and without a copy; #view is how many. It holds their memory until it
---is released or collected, also after its reader, torrent and session are gone.
---@class mare.View
---@field alive boolean
local View = {}

---As string.sub.
---@param i integer
---@param j? integer
---@return string
function View:sub(i, j) end

---As string.byte.
---@param i? integer
---@param j? integer
---@return integer ...
function View:byte(i, j) end

---Where a text begins and ends; plain, no pattern. nil: it is not there.
---@param text string
---@param init? integer
---@return integer? first, integer? last
function View:find(text, init) end

---Lets go of the memory. Idempotent.
---@return true
function View:release() end

-- ---- piece -------------------------------------------------------------------------------------

---@class mare.Piece
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field index integer from 0
---@field length integer
---@field offset integer of its first byte in the torrent
---@field hash string 40 hexadecimal digits
---@field state "missing"|"active"|"hashing"|"writing"|"have"
---@field have boolean verified and written
---@field availability integer connected peers that have it
---@field holders mare.Peer[] connected peers that have it; a new list each time
---@field files mare.File[] that lie in it; a new list each time
---@field received integer bytes of it that have come
---@field progress number 0..1
---@field priority integer 0 (skip) .. 7; may be set
---@field deadline? number seconds from now: earliest first, before all others; may be set, nil for none
local Piece = {}

---Reads the piece: see Torrent:read.
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function Piece:read(callback) end

-- ---- peer --------------------------------------------------------------------------------------

---A connection, from both handshakes to its end.
---@class mare.Peer
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field data table yours: empty at first, there as long as the connection
---@field address string "1.2.3.4:6881", "[::1]:6881"
---@field ip string
---@field port integer its own one; not where it listens, if it is incoming
---@field client string "qBittorrent 4.5.2"
---@field id string peer id, 40 hexadecimal digits
---@field source string how it was found: "tracker", "manual", "incoming", ...
---@field incoming boolean it dialled us
---@field state string "ready"
---@field encrypted boolean is the payload (RC4)?
---@field encryption? "rc4"|"handshake" "handshake": an encrypted beginning, then in the clear
---@field transport string "tcp"
---@field choked boolean it chokes us: we may not ask
---@field choking boolean we choke it
---@field interested boolean we want something that it has
---@field peer_interested boolean it wants something that we have
---@field optimistic boolean it has the slot that is given out at random
---@field upload_only boolean it says that it wants nothing (BEP 21)
---@field is_seed boolean it has every piece
---@field progress number 0..1 of the pieces it has
---@field download_rate integer of payload from it, now
---@field upload_rate integer of payload to it, now
---@field download_average integer since it connected
---@field upload_average integer since it connected
---@field downloaded integer payload from it
---@field uploaded integer payload to it
---@field received_round integer payload from it since the last choke round (10 s)
---@field sent_round integer payload to it since then
---@field outstanding integer blocks that we asked and that have not come
---@field depth integer blocks that may be outstanding: delay times rate
---@field asked integer blocks that it asked and that wait here
---@field snubbed boolean silent although asked: it is asked for one block only
---@field rtt? number seconds from a request to its block, smoothed
---@field connected_for number seconds since the handshakes
---@field unchoked_for? number seconds that it has had its upload slot; nil: it has none
---@field waiting_for? number seconds that it has been interested and choked; nil: it is not waiting
---@field last_block? number seconds since its last block
---@field last_upload? number seconds since the last block to it
---@field blocks integer blocks that came from it
---@field hash_fails integer pieces with blocks of it that failed
---@field duplicates integer blocks that came twice
---@field unrequested integer blocks that nobody had asked for
local Peer = {}

---Ends the connection; `peer_closed` follows and tells the reason. The peer is dead at once.
---@param reason? string
---@return true
function Peer:close(reason) end

---Ends the connection and bars the address.
---@param seconds? number nil: for good
---@return true
function Peer:ban(seconds) end

---Takes its upload slot at once. Rounds leave it so for `seconds` (one round of 10 s; math.huge: until
---the script says otherwise; 0: the next round decides), then it competes again.
---@param seconds? number
---@return true
function Peer:choke(seconds) end

---Gives it an upload slot at once, for as long. It is one of the torrent's slots: from the next round on
---one fewer is given to others.
---@param seconds? number
---@return true
function Peer:unchoke(seconds) end

---Does it have this piece?
---@param index integer from 0
---@return boolean
function Peer:has(index) end

-- ---- peer selection ----------------------------------------------------------------------------

-- Six questions that a function may answer, of a torrent or of the session; where there is none the
-- engine decides. An answer is a score:
--
--   a number   the higher the sooner; those without a number count as 0
--   nil        as the engine would; also decides between equals
--   false      never
--
-- Functions are asked between the work of a step, in rounds, about snapshots: `peer` and `piece` have
-- the properties above (as of the beginning of the round), `candidate` those below. A function only
-- judges: what it sets or calls (peer:ban(), piece.priority = 7) is done after the step. Slots, limits
-- and the protocol's rules are applied to its answers afterwards.
--
-- A round in which a function raises, yields, answers with anything else, or takes over a million
-- instructions (and 5,000 more for each row) is decided by the engine, and an `error` event says why;
-- after three in a row the function is switched off (its field is nil then). session.stats.policy
-- counts. Functions may be replaced at any time, with nil to have the engine decide again.

---@class mare.Policy
---@field admit? fun(candidate: mare.Candidate): number|false|nil may this address connect, or be kept at all? Only false has a meaning; may be set
---@field connect? fun(candidate: mare.Candidate): number|false|nil which known address to dial next; may be set
---@field unchoke? fun(peer: mare.Peer): number|false|nil who gets an upload slot, each 10 s and when one falls free; may be set
---@field drop? fun(peer: mare.Peer): number|false|nil whom to disconnect when (nearly) full, each 300 s; may be set
---@field piece? fun(piece: mare.Piece, peer: mare.Peer): number|false|nil which piece to begin next with this peer; may be set
---@field source? fun(peer: mare.Peer, piece: mare.Piece): number|false|nil who gets a piece with a deadline; may be set
local Policy = {}

---An address, inside the policy call that it was made for.
---@class mare.Candidate
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field address string "1.2.3.4:6881", "[::1]:6881"
---@field ip string
---@field port integer
---@field source string how it was found: "tracker", "dht", "pex", "lsd", "manual", "resume", "incoming"
---@field incoming boolean it stands at the door: it has dialled us
---@field upload_only boolean known to be a seed
---@field failures integer attempts in a row that failed
---@field last_tried? number seconds since the last attempt; nil: never
---@field last_seen? number seconds since a source named it
---@field priority integer BEP 40: both sides compute the same; 0 while our own address is not known
local Candidate = {}

-- ---- simulated swarms --------------------------------------------------------------------------

-- Policies on a swarm in virtual time, deterministic by seed. What decides is the engine's own code (picker,
-- choker, roster, turnover), and policies are asked by the same bridge, with the same properties of peers,
-- pieces and candidates. Only the network is a model: rates are a fluid (an uplink is shared evenly by what
-- flows through it), latency is paid by the first request and by each HAVE, loss is a ceiling per flow.
--
-- In a policy call `peer.torrent` is a table with done, state, progress, downloaded, uploaded, ratio and
-- peer_count of the peer that asks. peer:ban, close, choke and unchoke act (choke and unchoke until the next
-- round); other actions are let go. All peers of one entry share its functions and what these remember;
-- `peer` objects are those of one connection, so what hangs on them is never shared.

---@class mare.SimPolicy
---@field share? number 0..1 of the peers that are no seeds. Default: what the others leave. If all shares add up to less than 1, the rest has the built-ins.
---@field policy? mare.Policy|string|fun(): mare.Policy functions; or a ready-made one by name (lua/mare/policy); or "builtin"; or "free_rider", which serves nobody
---@field name? string for the result. Default: the policy's.
---@field up? number|number[] as below, for these peers alone; so are down, latency, slots, connections
---@field down? number|number[]
---@field latency? number|number[]
---@field slots? integer
---@field connections? integer
---@field play? number they play the data while it comes, at so many bytes per second: pieces get deadlines

---@class mare.SimSeeds
---@field count? integer Default 1.
---@field up? number|number[] Default: ten times the peers' (a slow seed decides alone how long all take)
---@field latency? number|number[]
---@field slots? integer
---@field connections? integer
---@field policy? mare.Policy|string|fun(): mare.Policy

---@class mare.SimChurn
---@field arrive? number seconds within which the peers come, evenly. Default 0.
---@field linger? number mean seconds that a peer stays when it is complete, evenly from none to twice that. Default: to the end.
---@field abort? number mean seconds after which a peer gives up, evenly from none to twice that. Default: never.

---@class mare.SimOptions
---@field seeds? integer|mare.SimSeeds Default 1.
---@field peers? integer that have nothing at first. Default 100.
---@field up? number|number[] uplink of a peer in bytes per second, or { least, most }: each draws its own. Default 100e3.
---@field down? number|number[] downlink. Default 1e6.
---@field latency? number|number[] seconds from a peer to the middle of the net: a round trip is twice that of both ends. Default 0.05.
---@field loss? number 0..0.5 of the packets: no flow is faster than 1.22 * 1460 B / (round trip * sqrt(loss)). Default 0.
---@field churn? mare.SimChurn
---@field pieces? integer Default 200.
---@field piece_length? integer Default 256 KiB.
---@field block_length? integer what flows without being interrupted. Default: a 16th of a piece, a 4th in big swarms; at least 16 KiB.
---@field policies? mare.SimPolicy[]|table<string, number> entries, or shares by the names of policies
---@field slots? integer upload slots of a peer, math.huge for everybody. Default 8.
---@field connections? integer of a peer, at most. Default 50.
---@field tracker_reply? integer addresses that a peer hears of when it asks. Default 50.
---@field seed? integer of chance. Default 1.
---@field max_time? number virtual seconds. Default: a day.
---@field sample? number seconds between two samples of the series. Default 10.

---@class mare.SimPeer
---@field group string the policy's name, or "seeds"
---@field is_seed boolean
---@field up integer its uplink
---@field down integer its downlink
---@field joined? number seconds since the beginning; nil: it did not come before the end
---@field finished? number
---@field left? number
---@field seconds? number from its coming to its last piece; nil for seeds and for who did not finish
---@field uploaded integer
---@field downloaded integer
---@field pieces integer
---@field ratio? number uploaded / downloaded

---@class mare.SimGroup
---@field name string
---@field peers integer
---@field finished integer
---@field median? number of `seconds`
---@field p95? number 95 of 100 were complete in that time
---@field mean? number
---@field first? number
---@field last? number
---@field uploaded integer
---@field downloaded integer
---@field ratio? number uploaded / downloaded, of all together
---@field fairness? number Jain's index of the peers' ratios: 1 = all give as much for what they take

---@class mare.SimSample
---@field time number
---@field present integer
---@field finished integer peers that are complete and there, seeds apart
---@field upload_use number 0..1 of all uplinks
---@field rarest integer copies of the rarest piece
---@field copies number of a piece, in the mean
---@field diversity number 0..1, Jain's index of the copies that are not seeds': 1 = each piece is as common as the others

---@class mare.SimResult
---@field peers mare.SimPeer[]
---@field groups mare.SimGroup[] one for each policy, also by its name
---@field all mare.SimGroup
---@field series mare.SimSample[]
---@field seconds number virtual time that it took
---@field stalled boolean nobody had what was missing
---@field fairness? number that of `all`
---@field utilisation number 0..1 of what the uplinks could have carried
---@field moved integer payload bytes
---@field wasted integer of these, what end game copies lost
---@field size integer of the torrent
---@field events integer
---@field policy table<string, mare.PolicyStats> what the policies cost, by question
---@field errors string[] of policies, the first ten
local SimResult = {}

---A line for each policy: peers, how many finished, median and p95 of their time, bytes, fairness.
---@return string
function SimResult:table() end

---For the terminal: the share of each policy's peers that have finished, over time.
---@param options? { what: "finished"|"upload"|"diversity"?, width: integer?, height: integer? }
---@return string
function SimResult:plot(options) end

---Writes the three views as a picture.
---@param path string
---@return true? ok, string? message, mare.Code? code
function SimResult:svg(path) end

---@class mare.sim
mare.sim = {}

---Runs a swarm to its end: all peers that stay are complete, or nothing moves any more, or max_time.
---@param options mare.SimOptions
---@return mare.SimResult
function mare.sim.swarm(options) end
-- ---- recordings --------------------------------------------------------------------------------

-- A recording holds the rows of every round: all properties of peers (`has` up to 4,096 pieces), pieces (16
-- of their holders) and candidates as they were, so another policy can be asked the same. Beyond its rows
-- nothing is alive: `peer.torrent` is a table as in simulated swarms, a piece's holders and files tell how many
-- they are, actions are counted and not done. The format: src/lua/record.h.

---@class mare.Moved a row that stands elsewhere in the order
---@field row table its columns as recorded; times in microseconds
---@field was_place? integer from 1; nil: refused, or out by the rules
---@field place? integer the same with the other policy
---@field was? number|false the recorded answer; nil: the built-in's
---@field now? number|false

---@class mare.Difference
---@field line integer of the recording
---@field at number seconds after its begin
---@field torrent integer a number for each
---@field by "policy"|"builtin"|"failed" who answered then
---@field rows mare.Moved[] the first five

---@class mare.ReplayCount
---@field name string the question
---@field rounds integer
---@field rows integer
---@field order_differs integer rounds in which any row stands elsewhere
---@field chosen_differ integer rounds in which others are chosen: admitted; dialled, dropped or begun first; for regular upload slots; the two sources of an urgent piece
---@field correlation? number of the two orders (Spearman), mean of the rounds: 1 the same, -1 the reverse
---@field failures integer rounds in which the policy failed
---@field actions table<string, integer> what it asked for: { ban = 2 }
---@field differences mare.Difference[] the first five

---@class mare.ReplayResult
---@field path string
---@field same boolean not one row stands elsewhere
---@field rounds integer
---@field lost integer rounds that found no place in the recorder's buffer
---@field errors string[] of the policy, the first ten
---@field questions table<integer|string, mare.ReplayCount> by number and by name
local ReplayResult = {}

---A line for each question, then the first differences.
---@return string
function ReplayResult:table() end

---Asks a policy what a recorded one was asked, and says where it differs.
---@param path string
---@param policy mare.Policy|string|fun(): mare.Policy functions; or a ready-made one's name; or a file ("./p.lua")
---@return mare.ReplayResult? result, string? message, mare.Code? code
function mare.replay(path, policy) end

-- ---- streaming over HTTP -------------------------------------------------------------------------

-- A session that serves gives every file of every torrent to players and browsers, while it is being
-- downloaded: whoever reads makes the torrent fetch what comes next (each connection has a reader).
-- Ranges, If-Range and HEAD are understood. The addresses:
--
--   http://HOST:PORT/TOKEN/                       a page that lists and plays
--   http://HOST:PORT/TOKEN/status.json            what goes on (mare.Status)
--   http://HOST:PORT/TOKEN/HASH.m3u               torrent.playlist_url
--   http://HOST:PORT/TOKEN/HASH/INDEX/NAME        file.url; INDEX counts from 1, NAME may be anything
--
-- Whoever knows the token may read everything, so it is a secret. A request must name its host by IP
-- address or as localhost: a web page elsewhere cannot make a browser ask for it (DNS rebinding).

---@class mare.ServeOptions
---@field host? string IP address to listen at. Default "127.0.0.1"; "0.0.0.0" is the whole network's.
---@field port? integer Default 0, any free one.
---@field token? string 1 to 64 letters, digits, "-" and "_". Default: 32 random ones.

---Begins to serve. One server a session.
---@param options? mare.ServeOptions
---@return mare.Http? http, string? message, mare.Code? code
function Session:serve(options) end

---@class mare.Http
---@field alive boolean
---@field session mare.Session
---@field url string of the page, with a slash at its end; the other addresses follow it
---@field host string
---@field port integer
---@field token string
---@field connections integer that stand now
local Http = {}

---Ends its connections and stops serving.
---@return true
function Http:close() end

---Ends connections that wait for data that is not here, and no others: a player that has jumped
---elsewhere meanwhile is released at once. (mpv asks again by itself only without reconnect=1.)
---@param torrent? mare.Torrent of this one only
---@param age? number seconds: only connections that have waited at least so long. Default 0.
---@return integer dropped
function Http:drop(torrent, age) end

-- status.json is one object. Two arguments make it shorter: ?hash=HASH tells of one torrent,
-- ?files=0 leaves the lists of files out. What is not known is null or missing.

---@class mare.Status
---@field version integer 1: the shape; members may be added to it
---@field engine string "mare 0.1.0"
---@field port integer where peers connect; 0 = nowhere
---@field download_rate integer
---@field upload_rate integer
---@field connections integer peers, attempts included
---@field memory integer the budget
---@field memory_used integer
---@field http_connections integer
---@field torrents mare.TorrentStatus[]

---@class mare.TorrentStatus
---@field info_hash string
---@field state string as torrent.state
---@field paused boolean
---@field error? string
---@field check_progress? number while it is being checked
---@field download_rate integer
---@field upload_rate integer
---@field downloaded integer
---@field uploaded integer
---@field peers integer
---@field seeds integer
---@field connecting integer
---@field known_peers integer
---@field name string
---@field metadata_progress? number while its metadata is being fetched
---@field size? integer this and the following: when its metadata is known
---@field piece_length? integer
---@field have? integer
---@field wanted? integer
---@field left? integer
---@field progress? number
---@field playlist? string address, relative to status.json
---@field main_file? integer index
---@field map? mare.MapStatus
---@field file_count? integer
---@field files? mare.FileStatus[] at most 2,000 of them
---@field readers? mare.ReaderStatus[] who reads now: connections, and file:reader

---@class mare.MapStatus
---@field pieces integer
---@field pieces_per_cell integer 1, more for over 65,536 pieces
---@field runs string "120#3-.": so many cells (none said: 1) of a kind; # here, - on its way, ~ being verified, . missing, + in part (cells of several pieces)

---@class mare.FileStatus
---@field index integer
---@field path string
---@field length integer
---@field have integer
---@field progress number
---@field first_piece integer
---@field piece_count integer
---@field priority integer
---@field kind? string as file.kind
---@field type string content type
---@field url string address, relative to status.json

---@class mare.ReaderStatus
---@field number integer counts up in the torrent
---@field file integer index
---@field position integer of the next byte in the file
---@field window integer bytes before it that are fetched first
---@field first_piece integer of the window
---@field piece_count integer
---@field bytes_read integer
---@field stalls integer
---@field waiting number seconds; 0 = it is not
---@field superseded boolean
---@field health? mare.Health

return mare
