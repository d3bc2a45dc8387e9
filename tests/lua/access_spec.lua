-- Whom a session talks to: blocklists, and the address or interface that it is bound to.

local loopback = require "support.loopback"
local mare = require "mare"
local uv = require "luv"

local GROUP = { "239.192.152.143", 6771 } -- of local discovery

local function close(self)
    self.handle:close()
    uv.run "nowait"
end

-- A UDP socket on this machine that says nothing and remembers who spoke to it: of which address
-- the node of the DHT is, and the asker of a tracker; of neighbours by their ports.
local function listen_udp(group)
    local self = { handle = uv.new_udp(), close = close }
    if group then
        assert(self.handle:bind(group[1], group[2], { reuseaddr = true }))
        assert(self.handle:set_membership(group[1], "127.0.0.1", "join"))
    else
        assert(self.handle:bind("127.0.0.1", 0))
    end
    self.port = self.handle:getsockname().port
    self.handle:recv_start(function(_, data, from)
        local port = tonumber((data or ""):match "Port: (%d+)")
        if port then
            self[port] = from.ip
        elseif data then
            self[data:sub(1, 1) == "d" and "dht" or "tracker"] = from.ip
        end
    end)
    return self
end

-- A web server that hangs up: self.client is who came.
local function listen_web()
    local self = { handle = uv.new_tcp(), close = close }
    assert(self.handle:bind("127.0.0.1", 0))
    self.port = self.handle:getsockname().port
    self.handle:listen(8, function()
        local connection = uv.new_tcp()
        self.handle:accept(connection)
        self.client = connection:getpeername().ip
        connection:close()
    end)
    return self
end

describe("a blocklist", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    local function list(text)
        local path = swarm.root .. "/list"
        loopback.write(path, text)
        return path
    end

    local everybody, nobody = "127.0.0.0/8\n", "Somebody:192.0.2.1-192.0.2.9\n"

    -- The end of a load: its arguments.
    local function load(session, path)
        local told
        session:on("blocklist", function(_, ...) told = table.pack(...) end)
        assert(session:load_blocklist(path))
        swarm:until_true(function() return told end)
        return table.unpack(told, 1, told.n)
    end

    it("keeps us from dialling", function()
        local session = swarm:session { blocklist = list(everybody) }
        local torrent = assert(session:add(swarm.bytes))
        local ok, message, code = torrent:connect("127.0.0.1:" .. swarm:seeder().port)
        assert.is_nil(ok)
        assert.equal("unsafe", code)
        assert.truthy(message:find("blocklist", 1, true))
    end)

    it("keeps others from getting in", function()
        local seeder = swarm:seeder()
        assert.equal(1, load(seeder, list(everybody)))
        local session = swarm:session()
        local complaint
        session:on("error", function(_, message) complaint = message end)
        local torrent = swarm:add(session)
        swarm:until_true(function() return complaint end)
        assert.equal(0, torrent.downloaded)
        assert.equal(0, #seeder.peers)
    end)

    it("lets those through that it does not name", function()
        local session = swarm:session { blocklist = list(nobody) }
        assert.equal(1, session.blocked_ranges)
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
    end)

    it("that is loaded later drops who is connected", function()
        local session = swarm:session { down_rate = 20000 }
        local torrent = swarm:add(session)
        local reason
        session:on("peer_closed", function(_, _, closed) reason = closed.reason end)
        swarm:until_true(function() return #torrent.peers == 1 end)
        assert.equal(1, load(session, list(everybody)))
        assert.equal(1, session.blocked_ranges)
        swarm:until_true(function() return reason end)
        assert.truthy(reason:find("blocklist", 1, true))
    end)

    it("takes the place of the one before, also to let people in again", function()
        local session = swarm:session { blocklist = list(everybody) }
        assert.equal(1, load(session, list(nobody)))
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
    end)

    it("applies to HTTP trackers", function()
        local session = swarm:session { blocklist = list(everybody) }
        local torrent = assert(session:add(assert(mare.create(swarm.root .. "/data/moon",
            { trackers = { "http://127.0.0.1:9/announce" } }))))
        local told
        torrent:on("tracker", function(_, tracker) told = tracker end)
        swarm:until_true(function() return told end)
        assert.equal("unsafe", told.code)
        assert.truthy(told.message:find("blocklist", 1, true))
    end)

    it("applies to UDP trackers", function()
        local stranger = listen_udp()
        local session = swarm:session { blocklist = list(everybody) }
        local torrent = assert(session:add(swarm.bytes))
        torrent.trackers = { "udp://127.0.0.1:" .. stranger.port }
        local told
        torrent:on("tracker", function(_, tracker) told = tracker end)
        swarm:until_true(function() return told end)
        assert.equal("unsafe", told.code)
        assert.truthy(told.message:find("blocklist", 1, true))
        assert.equal(0, session.stats.udp_sent)
        stranger:close()
    end)

    it("applies to the DHT, both ways", function()
        local stranger = listen_udp()
        local session = swarm:session {
            blocklist = list(everybody), dht = { routers = { "127.0.0.1:" .. stranger.port } },
        }
        local asker = swarm:session { dht = { routers = { "127.0.0.1:" .. session.dht.port } } }
        swarm:until_true(function() return session.stats.udp_received > 0 end)
        swarm:steps(20)
        assert.truthy(asker.stats.udp_sent > 0)
        assert.equal(0, session.stats.dht_received)
        assert.equal(0, session.stats.udp_sent)
        assert.equal(0, session.dht.nodes)
        stranger:close()
    end)

    -- What comes to a group comes to all of its members at once.
    it("applies to local discovery", function()
        local hears = assert(swarm:session { lsd = true, dht = false }:add(swarm.bytes))
        local refuses = assert(swarm:session {
            lsd = true, dht = false, blocklist = list(everybody),
        }:add(swarm.bytes))
        swarm:steps(5)
        local seeder = swarm:session {
            lsd = true, dht = false, directory = swarm.root .. "/data",
        }
        assert(seeder:add(swarm.bytes, { seed = true }))
        swarm:until_true(function() return hears.known_peers > 0 end)
        swarm:steps(20)
        assert.equal(0, refuses.known_peers)
    end)

    it("tells of lines that make no sense, and counts the others", function()
        local session = swarm:session()
        local ranges, note = load(session, list(nobody .. "what is this\n"))
        assert.equal(1, ranges)
        assert.truthy(note:find("line 2", 1, true))
    end)

    it("that cannot be read leaves the one before", function()
        local session = swarm:session { blocklist = list(everybody) }
        local ranges, message, code = load(session, swarm.root .. "/none")
        assert.is_nil(ranges)
        assert.equal("notfound", code)
        assert.truthy(message:find("/none", 1, true))
        assert.equal(1, session.blocked_ranges)
    end)

    it("that cannot be read keeps a session from opening", function()
        local session, message, code = mare.session {
            port = false, blocklist = swarm.root .. "/none",
        }
        assert.is_nil(session)
        assert.equal("notfound", code)
        assert.truthy(message:find("/none", 1, true))
    end)

    it("that is no list at all keeps a session from opening", function()
        local session, message, code = mare.session {
            port = false, blocklist = list "<html>\nnot found\n</html>\n",
        }
        assert.is_nil(session)
        assert.equal("format", code)
        assert.truthy(message:find("line 1", 1, true))
    end)

    it("being read does not outlive its session", function()
        local session = swarm:session()
        assert(session:load_blocklist(list(("10.0.0.0/8\n"):rep(100000))))
        session:close(0)
        assert.is_false(session.alive)
    end)
end)

describe("bind", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    it("to an address makes that the one others see", function()
        local session = swarm:session { bind = "127.0.0.7" }
        local seen
        swarm:seeder():on("peer", function(_, peer) seen = peer.ip end)
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        assert.equal("127.0.0.7", seen)
    end)

    -- Who speaks to a tracker of either kind, to a router of the DHT, and to the neighbours.
    it("to an address is for trackers, DHT and local discovery, too", function()
        local stranger, neighbour, web = listen_udp(), listen_udp(GROUP), listen_web()
        local session = swarm:session {
            bind = "127.0.0.7", lsd = true, dht = { routers = { "127.0.0.1:" .. stranger.port } },
        }
        local torrent = assert(session:add(swarm.bytes))
        torrent.trackers = {
            "udp://127.0.0.1:" .. stranger.port, "http://127.0.0.1:" .. web.port .. "/announce",
        }
        local function all()
            uv.run "nowait"
            return stranger.tracker and stranger.dht and neighbour[session.port] and web.client
        end
        swarm:until_true(all)
        for _, ip in ipairs {
            stranger.tracker, stranger.dht, neighbour[session.port], web.client,
        } do
            assert.equal("127.0.0.7", ip)
        end
        for _, each in ipairs { stranger, neighbour, web } do
            each:close()
        end
    end)

    it("to an IPv4 address reaches no IPv6 one", function()
        local session = swarm:session()
        local torrent = assert(session:add(swarm.bytes))
        assert.is_nil(torrent:connect "[::1]:6881")
    end)

    it("to an interface carries a download", function()
        local session = swarm:session { bind = "lo" }
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
    end)

    it("to what is neither fails with a sentence", function()
        local session, message, code = mare.session { bind = "nosuch0" }
        assert.is_nil(session)
        assert.equal("notfound", code)
        assert.truthy(message:find("nosuch0", 1, true))
    end)
end)
