---@meta _
-- The DHT (BEP 5) of a session.

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
