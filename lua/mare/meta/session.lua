---@meta _
-- The session: one engine.

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

---Begins to serve. One server a session.
---@param options? mare.ServeOptions
---@return mare.Http? http, string? message, mare.Code? code
function Session:serve(options) end

---Saves resume state, tells trackers and peers, ends all jobs. Waits at most `linger` seconds (1) for
---trackers. Handlers are not called any more, tasks are closed. Again: does nothing.
---@param linger? number
---@return true
function Session:close(linger) end
