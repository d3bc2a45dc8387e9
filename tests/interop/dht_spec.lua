-- The DHT with other implementations of it: a network of ours in which they find us and we find
-- them, by a link that is nothing but a hash. Transmission takes nodes on loopback for martians, so
-- all of this happens in a network namespace.

local netns = require "support.netns"
if not netns.enter "tests/interop/dht_spec.lua" then
    return
end

local aria2 = require "support.clients.aria2"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local transmission = require "support.clients.transmission"

local DEADLINE = 120 -- transmission takes its time before it trusts a network
local NODES = 12 -- it wants to know more than eight

describe("a link without a tracker", function()
    local network, nodes

    before_each(function()
        network = process.start {
            "lua5.4", "tests/support/dht_network.lua", netns.address, tostring(NODES),
            name = "network",
        }
        process.eventually(30, "the network is ready", function()
            return network:output():find "ready"
        end)
        nodes = {}
        for node in network:output():gmatch "node (%S+)" do
            nodes[#nodes + 1] = node
        end
    end)
    after_each(process.cleanup)

    local function options(source, dir)
        return {
            torrent = source, dir = dir, host = netns.address, node = nodes[1], nodes = nodes,
        }
    end

    local function link_to(data)
        return "magnet:?xt=urn:btih:" .. data.hash
    end

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
            mare.seed(options(there.torrent, there.dir))
            wait_announced(0)
            local before = stored()
            local leech = client.leech(options(link_to(there), given))
            client.seed(options(back.torrent, back.dir))
            wait_announced(before)
            local get = mare.get(options(link_to(back), got))
            get:complete(DEADLINE)
            assert.is_nil(payload.difference(back, got))
            assert.equal("dht", get:last "peers".source)
            leech:complete(DEADLINE)
            assert.is_nil(payload.difference(there, given, client.skips_empty))
        end)
    end
end)
