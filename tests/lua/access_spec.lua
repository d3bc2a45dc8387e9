-- Whom a session talks to: blocklists, and the address or interface that it is bound to.

local loopback = require "support.loopback"
local mare = require "mare"

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
