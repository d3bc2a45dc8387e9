-- opentracker by UDP alone: with foreign clients on the other side; and what it says of the swarm.

local aria2 = require "support.clients.aria2"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local opentracker = require "support.clients.opentracker"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60

describe("a tracker by UDP alone", function()
    local dir, data, tracker
    before_each(function()
        dir = tmpdir()
        local udp = ports.free()
        data = payload.create(dir, { opentracker.announce_udp(udp) })
        tracker = opentracker.start(dir, ports.free(), { data.hash }, udp)
    end)
    after_each(process.cleanup)

    for _, client in ipairs { aria2, libtorrent } do
        it("leads mare to " .. client.name, function()
            client.seed { torrent = data.torrent, dir = data.dir, udp = true }
            tracker.wait_peers(data.hash, 1)
            local get = mare.get { torrent = data.torrent, dir = dir .. "/downloads" }
            get:complete(DEADLINE)
            assert.is_nil(payload.difference(data, dir .. "/downloads"))
            local told = get:last "tracker"
            assert.is_nil(told.code)
            assert.truthy(told.url:find "^udp://")
        end)

        it("leads " .. client.name .. " to mare", function()
            mare.seed { torrent = data.torrent, dir = data.dir }
            tracker.wait_peers(data.hash, 1)
            local leech = client.leech {
                torrent = data.torrent, dir = dir .. "/downloads", udp = true,
            }
            leech:complete(DEADLINE)
            assert.is_nil(payload.difference(data, dir .. "/downloads"))
        end)
    end

    it("forgets mare when it stops", function()
        local seed = mare.seed { torrent = data.torrent, dir = data.dir }
        tracker.wait_peers(data.hash, 1)
        seed:kill "sigint"
        seed:wait(DEADLINE)
        tracker.wait_counts(data.hash, 0, 0)
    end)
end)

describe("a scrape", function()
    local core = require "mare"
    local session
    after_each(function()
        session:close(0)
        process.cleanup()
    end)

    it("says the same by UDP, by HTTP and to others", function()
        local dir, port, udp = tmpdir(), ports.free(), ports.free()
        local urls = { opentracker.announce(port), opentracker.announce_udp(udp) }
        local data = payload.create(dir, { urls[1] })
        local tracker = opentracker.start(dir, port, { data.hash }, udp)
        libtorrent.seed { torrent = data.torrent, dir = data.dir }
        aria2.seed { torrent = data.torrent, dir = data.dir }
        tracker.wait_counts(data.hash, 2, 0)
        session = assert(core.session { port = false, directory = dir .. "/none" })
        local torrent = assert(session:add(data.torrent, { paused = true }))
        local told = {}
        torrent.trackers = urls
        torrent:on("scrape", function(_, scraped) told[#told + 1] = scraped end)
        assert.equal(2, torrent:scrape())
        process.eventually(20, "both scrapes", function()
            session:step(0.01)
            return #told == 2
        end)
        for i, scraped in ipairs(told) do
            assert.is_nil(scraped.code, scraped.message)
            assert.equal(2, scraped.seeds)
            assert.equal(0, scraped.leechers)
            assert.equal(told[1].downloads, scraped.downloads)
            assert.equal(2, torrent.trackers[i].seeds)
        end
        assert.equal(2, torrent.swarm_seeds)
        assert.equal(0, torrent.swarm_leechers)
    end)
end)
