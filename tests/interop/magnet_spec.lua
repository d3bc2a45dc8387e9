-- Links between mare and foreign clients: the metadata comes by the same connection as the data,
-- from each of them to mare and from mare to each of them; and peers tell of peers.

local aria2 = require "support.clients.aria2"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local opentracker = require "support.clients.opentracker"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local transmission = require "support.clients.transmission"

local DEADLINE = 60
local alone = { "--no-dht", "--no-lsd" } -- nobody is found but by what the spec is about

local dir, target
before_each(function()
    dir = tmpdir()
    target = dir .. "/downloads"
end)
after_each(process.cleanup)

local function link_to(data, ...)
    return table.concat({ "magnet:?xt=urn:btih:" .. data.hash, ... }, "&")
end

for _, client in ipairs { aria2, libtorrent, transmission } do
    describe(client.name, function()
        it("gives metadata and files to mare", function()
            local data = payload.create(dir)
            local seeder = client.seed { torrent = data.torrent, dir = data.dir }
            local get = mare.get {
                torrent = link_to(data, "x.pe=" .. seeder.address), dir = target, more = alone,
            }
            local totals = get:complete(DEADLINE)
            assert.equal(data.pieces, get:last("metadata").pieces)
            assert.equal(0, totals.pieces_failed)
            assert.is_nil(payload.difference(data, target))
        end)

        it("gets metadata and files from mare", function()
            local data, port = payload.create(dir), ports.free()
            local tracker = opentracker.start(dir, port, { data.hash })
            local link = link_to(data, "tr=" .. opentracker.announce(port))
            local seed = { torrent = data.torrent, dir = data.dir, more = alone }
            local leech
            if client.dials then -- whom the tracker names
                data = payload.create(dir, { opentracker.announce(port) })
                mare.seed(seed)
                tracker.wait_peers(data.hash, 1)
                leech = client.leech { torrent = link, dir = target }
            else
                leech = client.leech { torrent = link_to(data), dir = target }
                seed.peers = { leech.address }
                mare.seed(seed)
            end
            leech:complete(DEADLINE)
            assert.is_nil(payload.difference(data, target, client.skips_empty))
        end)
    end)
end

describe("peer exchange", function()
    it("tells mare, by libtorrent, of a peer that nobody else names", function()
        local data = payload.create(dir)
        local seeder = mare.seed {
            torrent = data.torrent, dir = data.dir, more = alone, up = "250K",
        }
        local hub = libtorrent.leech {
            torrent = data.torrent, dir = dir .. "/hub", peers = { seeder.address }, pex = true,
        }
        process.eventually(20, "they are connected", function()
            return hub:output():find "1 peers"
        end)
        local get = mare.get {
            torrent = link_to(data, "x.pe=" .. hub.address), dir = target, more = alone,
        }
        get:wait_event(DEADLINE, "peers", function(event) return event.source == "pex" end)
        process.eventually(DEADLINE, "they have found each other", function()
            return #get:events "peer" == 2 and #seeder:events "peer" == 2
        end)
    end)

    it("tells libtorrent, by mare, of a peer that nobody else names", function()
        local data = payload.create(dir)
        local seeder = libtorrent.seed { torrent = data.torrent, dir = data.dir, unverified = true }
        local hub = mare.get {
            torrent = data.torrent, dir = dir .. "/hub", peers = { seeder.address }, seed = true,
            more = alone, down = "300K", up = "100K",
        }
        hub:wait_event(DEADLINE, "peer")
        local leech = libtorrent.leech {
            torrent = data.torrent, dir = target, peers = { hub.address }, pex = true,
        }
        process.eventually(DEADLINE, "libtorrent hears of the seeder", function()
            return leech:output():find("heard of " .. seeder.address, 1, true)
        end)
        leech:complete(DEADLINE)
    end)
end)
