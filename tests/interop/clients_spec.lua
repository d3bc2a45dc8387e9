-- Foreign clients: the payload goes from each of them to mare and from mare to each of them, by
-- peers that are named and by peers that a tracker names.

local aria2 = require "support.clients.aria2"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local opentracker = require "support.clients.opentracker"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local transmission = require "support.clients.transmission"

local DEADLINE = 60 -- seconds for what takes one, or ten where choke rounds are waited for

local function exchange(client)
    local dir, target

    before_each(function()
        dir = tmpdir()
        target = dir .. "/downloads"
    end)
    after_each(process.cleanup)

    -- A payload whose torrent names a tracker, and the tracker.
    local function tracked()
        local port = ports.free()
        local data = payload.create(dir, { opentracker.announce(port) })
        return data, opentracker.start(dir, port, { data.hash })
    end

    local function check(data, skips_empty)
        assert.is_nil(payload.difference(data, target, skips_empty))
    end

    local function check_totals(data, totals)
        assert.equal(0, totals.pieces_failed)
        assert.is_true(totals.payload_received >= data.size)
    end

    it("gives all files to mare, which dials it", function()
        local data = payload.create(dir)
        local seeder = client.seed { torrent = data.torrent, dir = data.dir }
        local get = mare.get {
            torrent = data.torrent, dir = target, peers = { seeder.address },
        }
        check_totals(data, get:complete(DEADLINE))
        check(data)
    end)

    it("gets all files from mare, which dials it", function()
        local data = payload.create(dir)
        local leech = client.leech { torrent = data.torrent, dir = target }
        mare.seed { torrent = data.torrent, dir = data.dir, peers = { leech.address } }
        leech:complete(DEADLINE)
        check(data, client.skips_empty)
    end)

    it("gives all files to mare, which finds it by a tracker", function()
        local data, tracker = tracked()
        client.seed { torrent = data.torrent, dir = data.dir }
        tracker.wait_peers(data.hash, 1)
        local get = mare.get { torrent = data.torrent, dir = target }
        check_totals(data, get:complete(DEADLINE))
        assert.equal(1, #get:events "tracker")
        check(data)
    end)

    -- Who comes second is told of the first, and dials him.
    it("gets all files from mare, with a tracker between", function()
        local data, tracker = tracked()
        local leech
        local function start_leech()
            leech = client.leech { torrent = data.torrent, dir = target }
        end
        if not client.dials then
            start_leech()
            tracker.wait_peers(data.hash, 1)
        end
        mare.seed { torrent = data.torrent, dir = data.dir }
        if client.dials then
            tracker.wait_peers(data.hash, 1)
            start_leech()
        end
        leech:complete(DEADLINE)
        check(data, client.skips_empty)
    end)
end

for _, client in ipairs { aria2, libtorrent, transmission } do
    describe(client.name, function()
        exchange(client)
    end)
end

describe("all of them at once", function()
    after_each(process.cleanup)

    -- Scatter is the usual way to receive, chunked the one that it is measured against.
    for _, receive in ipairs { "scatter", "chunked" } do
        it("give all files to mare, received " .. receive, function()
            local dir = tmpdir()
            local data = payload.create(dir)
            local addresses = {}
            for i, client in ipairs { aria2, libtorrent, transmission } do
                local seeder = client.seed { torrent = data.torrent, dir = data.dir }
                addresses[i] = seeder.address
            end
            local get = mare.get {
                torrent = data.torrent, dir = dir .. "/downloads", peers = addresses,
                receive = receive, down = "3M", -- nobody comes too late
            }
            local totals = get:complete(DEADLINE)
            assert.equal(3, #get:events "peer")
            assert.equal(0, totals.pieces_failed)
            assert.is_nil(payload.difference(data, dir .. "/downloads"))
        end)
    end
end)
