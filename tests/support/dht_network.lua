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

local function open()
    local first = sessions[1]
    local session = assert(mare.session {
        port = 0, bind = address, lsd = false,
        dht = { routers = first and { address .. ":" .. first.dht.port } or {} },
    })
    if #sessions == 1 then -- a router is asked, but not kept: somebody has to know the first one
        assert(session.dht:add_node(address, first.dht.port))
    end
    attach(session)
    sessions[#sessions + 1] = session
    say("node %s:%d", address, session.dht.port)
end

-- Each comes when the one before has found its place.
local function is_ready()
    local last = sessions[#sessions]
    if last and #sessions > 1 and last.dht.state ~= "ready" then
        return false
    elseif #sessions < count then
        open()
        return false
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
timer:start(0, 10, function()
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
