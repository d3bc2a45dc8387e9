---@meta mare
-- The reference of `require "mare"`, in LuaCATS: editors with the Lua language server complete and
-- check scripts by it. A spec asserts that it names exactly what exists. This file is the module;
-- meta/ has a file for each object, and for events, policies, simulations and recordings.
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

return mare
