-- The DHT with other implementations of it: a network of ours in which they find us and we find
-- them, by a link that is nothing but a hash. Transmission takes nodes on loopback for martians, so
-- all of this happens in a network namespace.

local netns = require "support.netns"
if not netns.enter "tests/interop/dht_spec.lua" then
    return
end

local aria2 = require "support.clients.aria2"
local engine = require "mare"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local transmission = require "support.clients.transmission"

local DEADLINE = 120 -- transmission takes its time before it trusts a network
local NODES = 12 -- it wants to know more than eight

-- Nodes of ours: the process that they are in, and their addresses.
local function start_network(count)
    local network, nodes = process.start {
        "lua5.4", "tests/support/dht_network.lua", netns.address, tostring(count),
        name = "network",
    }, {}
    process.eventually(30, "the network is ready", function()
        return network:output():find "ready"
    end)
    for node in network:output():gmatch "node (%S+)" do
        nodes[#nodes + 1] = node
    end
    return network, nodes
end

-- For who enters by the first of the nodes.
local function options(source, dir, nodes)
    return { torrent = source, dir = dir, host = netns.address, node = nodes[1], nodes = nodes }
end

local function link_to(data)
    return "magnet:?xt=urn:btih:" .. data.hash
end

describe("a link without a tracker", function()
    local network, nodes
    before_each(function() network, nodes = start_network(NODES) end)
    after_each(process.cleanup)

    -- How often peers are announced in the network.
    local function stored()
        return tonumber(network:output():match ".*stored %d+ (%d+)")
    end

    local function wait_announced(before)
        process.eventually(DEADLINE, "a peer is announced", function()
            return stored() > before
        end)
    end

    for _, client in ipairs { libtorrent, aria2, transmission } do
        it("goes from mare to " .. client.name .. ", and another one back", function()
            local there, back = payload.create(tmpdir()), payload.create(tmpdir(), nil, 2)
            local got, given = tmpdir(), tmpdir()
            mare.seed(options(there.torrent, there.dir, nodes))
            wait_announced(0)
            local before = stored()
            local leech = client.leech(options(link_to(there), given, nodes))
            client.seed(options(back.torrent, back.dir, nodes))
            wait_announced(before)
            local get = mare.get(options(link_to(back), got, nodes))
            get:complete(DEADLINE)
            assert.is_nil(payload.difference(back, got))
            assert.equal("dht", get:last "peers".source)
            leech:complete(DEADLINE)
            assert.is_nil(payload.difference(there, given, client.skips_empty))
        end)
    end
end)

-- Two of us know one node, which is somebody else's (the one that it entered by is gone): what the
-- first announces there the second gets there.
describe("what is announced", function()
    local sessions
    before_each(function() sessions = {} end)
    after_each(function()
        for _, session in ipairs(sessions) do
            session:close(0)
        end
        process.cleanup()
    end)

    local function open(node, dir)
        local session = assert(engine.session {
            port = 0, bind = netns.address, directory = dir, lsd = false, portmap = false,
            dht = { routers = {} },
        })
        sessions[#sessions + 1] = session
        local host, port = node:match "^(.*):(%d+)$"
        assert(session.dht:add_node(host, tonumber(port)))
        return session
    end

    local function step_until(what, condition)
        process.eventually(DEADLINE, what, function()
            for _, session in ipairs(sessions) do
                assert(session:step(0.02))
            end
            return condition()
        end)
    end

    for _, client in ipairs { libtorrent, aria2, transmission } do
        it("to a node of " .. client.name .. " is found there", function()
            local data, its = payload.create(tmpdir()), payload.create(tmpdir(), nil, 2)
            local network, nodes = start_network(1)
            local node = client.seed(options(its.torrent, its.dir, nodes)).address
            network:kill()
            network:wait(10)
            local got, found = tmpdir(), {}
            local seed = assert(open(node, data.dir):add(data.torrent, { seed = true }))
            local torrent = assert(open(node, got):add(link_to(data)))
            for _, each in ipairs { seed, torrent } do -- either may hear of the other first
                each:on("peers", function(_, _, source) found[source] = true end)
            end
            step_until("the download is complete", function() return torrent.done end)
            assert.same({ dht = true }, found)
            assert.is_nil(payload.difference(data, got))
        end)
    end
end)
