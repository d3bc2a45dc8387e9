-- A session's options, its life, and what it says to sources that are no good.

local loopback = require "support.loopback"
local mare = require "mare"

describe("mare.session", function()
    local sessions = {}
    local function open(options)
        if options.portmap == nil and not options.bind then
            options.portmap = false -- no router is to hear of specs
        end
        local session, message, code = mare.session(options)
        sessions[#sessions + 1] = session
        return session, message, code
    end
    after_each(function()
        for _, session in ipairs(sessions) do
            session:close(0)
        end
        sessions = {}
    end)

    it("takes what it is given", function()
        local session = open {
            port = 0, bind = "127.0.0.1", memory = 8 << 20, connections = 17, slots = 3,
            up_rate = 1000, down_rate = 2000, receive = "chunked", allocation = "full",
            directory = "/tmp", user_agent = "spec/1", seed = 7,
        }
        assert.equal(8 << 20, session.memory)
        assert.equal(17, session.connections)
        assert.equal(3, session.slots)
        assert.equal(1000, session.up_rate)
        assert.equal(2000, session.down_rate)
        assert.equal("/tmp", session.directory)
        assert.truthy(session.port > 0)
    end)

    it("does not listen without a port", function()
        assert.is_nil(open({ port = false }).port)
    end)

    it("refuses an option that does not exist, and names the nearest", function()
        local ok, message = pcall(mare.session, { prot = 1 })
        assert.is_false(ok)
        assert.truthy(message:find("no option 'prot' (did you mean 'port'?)", 1, true))
        local function here()
            mare.session { prot = 1 }
        end
        assert.truthy(select(2, pcall(here)):find "^[^:]*session_spec.lua:%d+: mare.session: ")
    end)

    for name, value in pairs {
        port = 70000, bind = 7, encryption = "rot13", memory = -1, receive = "quickly",
        directory = 7, connections = "many", up_rate = 0 / 0, seed = 1.5,
    } do
        it("refuses " .. tostring(value) .. " for " .. name, function()
            local ok, message = pcall(mare.session, { [name] = value })
            assert.is_false(ok)
            assert.truthy(message:find(name, 1, true))
        end)
    end

    it("fails with a sentence when the port is taken", function()
        local first = open { port = 0, bind = "127.0.0.1" }
        local session, message = open { port = first.port, bind = "127.0.0.1" }
        assert.is_nil(session)
        assert.truthy(message:find(tostring(first.port), 1, true))
    end)

    it("fails with a sentence when the state folder cannot be", function()
        local session, message, code = open { port = false, state = "/dev/null/state" }
        assert.is_nil(session)
        assert.equal("string", type(message))
        assert.equal("string", type(code))
    end)

    it("closes once, and again", function()
        local session = open { port = 0 }
        assert.is_true(session:close())
        assert.is_true(session:close())
        assert.is_false(session.alive)
        assert.equal("session (closed)", tostring(session))
    end)

    it("raises when it is used after that, but steps end politely", function()
        local session = open { port = 0 }
        session:close(0)
        assert.has_error(function() return session.stats end, "session is closed")
        assert.has_error(function() session:add "x" end)
        assert.has_error(function() session:on("done", print) end)
        assert.same({ nil, "session is closed", "closed" }, { session:step(0) })
        assert.is_true(session:run())
    end)

    it("closes at the end of its scope", function()
        local seen
        do
            local session <close> = assert(mare.session { port = false })
            seen = session
        end
        assert.is_false(seen.alive)
    end)

    it("runs for some seconds, until a condition, until it is stopped", function()
        local session = open { port = false }
        local began = mare.now()
        assert.is_true(session:run(0.05))
        assert.truthy(mare.now() - began >= 0.05)
        assert.is_true(session:run(function() return true end))
        session:spawn(function()
            mare.sleep(0.01)
            session:stop()
        end)
        assert.is_true(session:run())
    end)

    it("tells an outer loop what to wait for", function()
        local session = open { port = false }
        session:step(0)
        assert.truthy(session:fd() >= 0)
        assert.equal("r", session:events())
        session:spawn(function() mare.sleep(5) end)
        assert.truthy(session:timeout() <= 5)
    end)

    it("refuses to step inside of a step", function()
        local session, result = open { port = false }, nil
        session:spawn(function()
            mare.sleep(0)
            result = { session:step(0) }
        end)
        session:run(function() return result end)
        assert.same({ nil, "already stepping", "busy" }, result)
    end)
end)

describe("session:add", function()
    local swarm, session
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(function() swarm:close() end)

    it("takes a path, or bytes", function()
        assert.equal("moon", assert(session:add(swarm.path)).name)
        assert.equal("moon", assert(swarm:session():add(swarm.bytes)).name)
    end)

    it("says that a torrent is there already, and gives it", function()
        local torrent = assert(session:add(swarm.bytes))
        local again, message, code, existing = session:add(swarm.path)
        assert.is_nil(again)
        assert.truthy(message:find "moon")
        assert.equal("exists", code)
        assert.equal(torrent, existing)
    end)

    for what, source in pairs {
        ["a file that is not there"] = "/no/such/file",
        ["a folder"] = "/tmp",
        ["bytes that are no torrent"] = "d3:cow3:mooe",
        ["a magnet link without a hash"] = "magnet:?dn=moon",
        ["a web address where nobody is"] = "http://127.0.0.1:1/x.torrent",
        ["a web address of another kind"] = "ftp://127.0.0.1/x.torrent",
    } do
        it("fails with a sentence for " .. what, function()
            local torrent, message, code = session:add(source)
            assert.is_nil(torrent)
            assert.equal("string", type(message))
            assert.equal("string", type(code))
        end)
    end

    it("raises for what is no string", function()
        assert.has_error(function() session:add {} end)
    end)

    it("wants only the files that are named", function()
        local torrent = assert(session:add(swarm.bytes, { files = { 2, "%.txt$" } }))
        local wanted = {}
        for i, file in ipairs(torrent.files) do
            wanted[i] = file.wanted
        end
        assert.same({ false, true, true, false }, wanted)
    end)

    it("takes priorities by file number", function()
        local torrent = assert(session:add(swarm.bytes, { priorities = { [1] = 0, [3] = 7 } }))
        assert.equal(0, torrent.files[1].priority)
        assert.equal(4, torrent.files[2].priority)
        assert.equal(7, torrent.files[3].priority)
    end)

    it("fails for a file that is not there", function()
        local torrent, message, code = session:add(swarm.bytes, { files = { 9 } })
        assert.is_nil(torrent)
        assert.equal("there is no file 9 (the torrent has 4)", message)
        assert.equal("notfound", code)
        assert.is_nil(session:add(swarm.bytes, { files = { "nothing like this" } }))
    end)

    it("raises for an option that does not exist", function()
        assert.has_error(function() session:add(swarm.bytes, { file = { 1 } }) end)
    end)

    it("lists and finds torrents", function()
        local torrent = assert(session:add(swarm.bytes))
        assert.same({ torrent }, session:torrents())
        assert.equal(torrent, session:find(torrent.info_hash))
        assert.equal(torrent, session:find(torrent.info_hash:upper()))
        assert.is_nil(session:find(("0"):rep(40)))
        assert.has_error(function() session:find "moon" end)
    end)
end)
