-- dht_network: many nodes of the DHT in one process, which know each other and nobody else.
--
--     lua5.4 tests/support/dht_network.lua ADDRESS COUNT
--
-- Prints "node ADDRESS:PORT" for each, and "ready" when all have found their place. Then it answers
-- until it is killed; every second "stored HASHES PEERS", when that has changed.

local attach = require "mare.embed.luv"
local mare = require "mare"
local uv = require "luv"

local address, count = arg[1], tonumber(arg[2])
local sessions = {}

local function say(format, ...)
    print(format:format(...))
    io.stdout:flush()
end

for i = 1, count do
    local routers = sessions[1] and { address .. ":" .. sessions[1].dht.port } or {}
    sessions[i] = assert(mare.session {
        port = 0, bind = address, lsd = false, dht = { routers = routers },
    })
    attach(sessions[i])
    say("node %s:%d", address, sessions[i].dht.port)
end
if count > 1 then -- a router is asked, but not kept: the first one is to be known as well
    assert(sessions[2].dht:add_node(address, sessions[1].dht.port))
end

local function is_ready()
    local wanted = math.min(count - 1, 4)
    for _, session in ipairs(sessions) do
        if session.dht.nodes < wanted or (count > 1 and session.dht.state ~= "ready") then
            return false
        end
    end
    return true
end

local function stored()
    local hashes, peers = 0, 0
    for _, session in ipairs(sessions) do
        hashes = hashes + session.dht.stored_hashes
        peers = peers + session.dht.stored_peers
    end
    return ("stored %d %d"):format(hashes, peers)
end

local ready, told = false, nil
local timer = uv.new_timer()
timer:start(50, 100, function()
    if not ready and is_ready() then
        ready = true
        say "ready"
    end
    local now = stored()
    if now ~= told then
        told = now
        say(now)
    end
end)
uv.run()
