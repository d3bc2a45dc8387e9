-- Lifetime: what closes, dies, is collected or forgotten at the wrong moment. Each case runs under
-- the usual collector, an incremental one that never rests, a generational one, and one that does
-- a full cycle every few hundred instructions.

local loopback = require "support.loopback"
local mare = require "mare"

local collectors = {
    { name = "the usual collector", set = function() collectgarbage "incremental" end },
    {
        name = "a restless collector",
        set = function() collectgarbage("incremental", 50, 1000, 6) end,
    },
    {
        name = "a generational collector",
        set = function() collectgarbage("generational", 5, 50) end,
    },
    {
        name = "a collector that hooks in anywhere",
        set = function()
            debug.sethook(function() collectgarbage() end, "", 997)
        end,
    },
}

local function reset_collector()
    debug.sethook()
    collectgarbage("incremental", 200, 100, 13)
end

local function each_collector(what, f)
    for _, collector in ipairs(collectors) do
        it(what .. ", with " .. collector.name, function()
            local swarm = loopback.new()
            collector.set()
            local ok, message = xpcall(f, debug.traceback, swarm)
            reset_collector()
            swarm:close()
            assert(ok, message)
        end)
    end
end

describe("the same object", function()
    each_collector("is the same value", function(swarm)
        local session = swarm:session { down_rate = 100000 }
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peers[1] end)
        collectgarbage()
        assert.equal(torrent, session:torrents()[1])
        assert.equal(torrent.files[1], torrent:file(1))
        assert.equal(torrent:piece(3), torrent:piece(3))
        assert.equal(torrent.peers[1], session.peers[1])
        assert.equal(session, torrent.session)
        assert.equal(session, torrent.peers[1].session)
        assert.not_equal(torrent:piece(3), torrent:piece(4))
        assert.not_equal(torrent.files[1], torrent:piece(0))
        local known = { [torrent.peers[1]] = "peer", [torrent:piece(1)] = "piece" }
        local piece = torrent:piece(1)
        assert.equal("peer", known[torrent.peers[1]])
        assert.equal("piece", known[piece])
    end)

    each_collector("keeps what hangs on it as long as it lives", function(swarm)
        local session = swarm:session { down_rate = 100000 }
        swarm:add(session)
        swarm:until_true(function() return session.peers[1] end)
        session:torrents()[1].data.mark = "torrent"
        session.peers[1].data.mark = "peer"
        session.data.mark = "session"
        for _ = 1, 3 do
            collectgarbage()
        end
        assert.equal("torrent", session:torrents()[1].data.mark)
        assert.equal("peer", session.peers[1].data.mark)
        assert.equal("session", session.data.mark)
    end)
end)

describe("what hangs on an object", function()
    each_collector("is let go when the object is gone", function(swarm)
        local session = swarm:session { down_rate = 100000 }
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peers[1] end)
        local weak = setmetatable({}, { __mode = "k" })
        weak[torrent.peers[1].data], weak[torrent.data] = true, true
        torrent.data.self = torrent -- a cycle is no reason to stay
        torrent.peers[1]:close()
        swarm:steps(5)
        torrent:remove()
        torrent = nil -- luacheck: ignore
        swarm:until_true(function()
            collectgarbage()
            return next(weak) == nil
        end)
    end)
end)

describe("an object that died", function()
    each_collector("raises, and says what it was", function(swarm)
        local session = swarm:session { down_rate = 100000 }
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peers[1] end)
        local peer, file, piece = torrent.peers[1], torrent.files[1], torrent:piece(0)
        torrent:remove()
        for _, dead in ipairs { torrent, peer, file, piece } do
            assert.is_false(dead.alive)
            assert.equal("string", type(tostring(dead)))
            assert.equal(session, dead.session)
        end
        assert.equal(torrent, file.torrent)
        assert.has_error(function() return torrent.name end, "torrent is removed")
        assert.has_error(function() return peer.address end, "peer is closed")
        assert.has_error(function() return file.path end, "file is of a removed torrent")
        assert.has_error(function() piece.priority = 1 end, "piece is of a removed torrent")
        assert.has_error(function() torrent:pause() end, "torrent is removed")
        assert.has_error(function() peer:close() end, "peer is closed")
        assert.has_error(function() torrent.slots = 1 end, "torrent is removed")
        session:close(0)
        for _, dead in ipairs { torrent, peer, file, piece } do
            assert.is_false(dead.alive)
            assert.equal("string", type(tostring(dead)))
        end
        assert.has_error(function() return torrent.name end, "torrent is removed")
    end)

    each_collector("is not mistaken for the one that takes its place", function(swarm)
        local session = swarm:session()
        local first = assert(session:add(swarm.bytes, { paused = true }))
        local gone
        session:on("removed", function() gone = true end)
        first:remove()
        swarm:until_true(function() return gone end)
        local second = assert(session:add(swarm.bytes, { paused = true }))
        assert.not_equal(first, second)
        assert.is_false(first.alive)
        assert.is_true(second.alive)
        assert.has_error(function() return first.name end)
    end)

    it("is told from a value of another kind", function()
        local session <close> = assert(mare.session { port = false })
        assert.has_error(function() session.fd(io.stdout) end)
        assert.has_error(function() session.fd({}) end)
        assert.has_error(function() getmetatable("").__index.rep(session) end)
        assert.equal("session", getmetatable(session))
        assert.is_nil(mare.type(io.stdout))
        assert.equal("session", mare.type(session))
    end)
end)

describe("a session", function()
    local kinds = {
        "metadata", "checked", "state", "peer", "piece", "file", "done", "peer_closed", "saved",
    }
    for _, name in ipairs(kinds) do
        each_collector("may be closed in a handler of " .. name, function(swarm)
            local session = swarm:session { state = swarm.root .. "/state" }
            swarm:seeder()
            local calls = 0
            session:on(name, function()
                calls = calls + 1
                session:close(0)
            end)
            swarm:add(session)
            swarm:until_true(function() return not session.alive end)
            assert.equal(1, calls)
        end)
    end

    each_collector("may be closed in a handler of an error", function(swarm)
        local session = swarm:session()
        session:on("metadata", function() error "now" end)
        session:on("error", function() session:close(0) end)
        assert(session:add(swarm.bytes))
        swarm:until_true(function() return not session.alive end)
    end)

    each_collector("may be closed in the answer to a read", function(swarm)
        local session = swarm:session()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        for i = 0, 5 do
            torrent:piece(i):read(function() session:close(0) end)
        end
        swarm:until_true(function() return not session.alive end)
    end)

    each_collector("may be closed while files are read and written", function(swarm)
        local session = swarm:session()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.pieces_have > 0 end)
        torrent:read(0, 1, print)
        session:close(0)
    end)

    each_collector("may be closed while a web address is fetched", function(swarm)
        local url = ("http://127.0.0.1:%d/x"):format(swarm:seeder().port) -- does not answer
        local session = swarm:session()
        assert(session:add(url, nil, error))
        session:spawn(function() session:add(url) end)
        swarm:steps(5)
        session:close(0)
        assert.is_false(session.alive)
    end)

    each_collector("may be closed when nothing fits the wishes for a link", function(swarm)
        local link = "magnet:?xt=urn:btih:" .. mare.info(swarm.bytes).info_hash
            .. "&x.pe=127.0.0.1:" .. swarm:seeder().port
        for _, finish in ipairs { "close", "remove" } do
            local session = swarm:session()
            local torrent = assert(session:add(link, { files = { "no such" } }))
            local told, ended
            session:on("metadata", function() told = true end)
            session:on("error", function()
                ended = true
                return finish == "close" and session:close(0) or torrent:remove()
            end)
            swarm:until_true(function() return ended end)
            assert.is_nil(told)
        end
    end)

    each_collector("lives as long as anything of it is held", function(swarm)
        local session = assert(mare.session { port = false, directory = swarm.root })
        local torrent = assert(session:add(swarm.bytes))
        session = nil -- luacheck: ignore
        for _ = 1, 3 do
            collectgarbage()
        end
        assert.equal("moon", torrent.name)
        torrent.session:close(0)
    end)

    each_collector("is collected with handlers and tasks that refer to it", function(swarm)
        local weak = setmetatable({}, { __mode = "v" })
        do
            local session = assert(mare.session { port = false, directory = swarm.root .. "/x" })
            local torrent = assert(session:add(swarm.bytes))
            session.data.self, torrent.data.session = session, session
            session:on("done", function() return session, torrent end)
            torrent:on("piece", function() return session, torrent end)
            session:spawn(function()
                mare.sleep(1000)
                return session
            end)
            session:spawn(function() return torrent:wait "done" end)
            torrent:read(0, 1, function() return session end)
            session:step(0)
            weak[1], weak[2] = session, torrent
        end
        for _ = 1, 5 do
            collectgarbage()
        end
        assert.same({}, weak)
    end)

    each_collector("does not disturb another one", function(swarm)
        local first, second = swarm:session(), swarm:session()
        local a, b = swarm:add(first), swarm:add(second)
        assert.not_equal(a, b)
        a:on("piece", function() first:close(0) end)
        swarm:until_true(function() return b.done end)
        assert.is_false(first.alive)
        assert.has_error(function() second:remove(a) end)
    end)

    each_collector("survives that everything is taken out at once", function(swarm)
        local session = swarm:session()
        session:on("piece", function(torrent)
            for _, peer in ipairs(session.peers) do
                peer:close()
            end
            torrent:remove()
        end)
        local gone
        session:on("removed", function() gone = true end)
        swarm:add(session)
        swarm:until_true(function() return gone end)
        assert.same({}, session:torrents())
        assert.same({}, session.peers)
    end)

    each_collector("leaves no handler behind that yields", function(swarm)
        local session, steps = swarm:session(), 0
        local torrent = assert(session:add(swarm.bytes))
        torrent:on("metadata", function() coroutine.yield "from the handler" end)
        local outer = coroutine.wrap(function()
            while true do
                session:step(0)
                steps = steps + 1
                coroutine.yield "from the loop"
            end
        end)
        assert.equal("from the handler", outer())
        assert.same({ nil, "already stepping", "busy" }, { session:step(0) })
        assert.equal("from the loop", outer())
        assert.equal(1, steps)
    end)
end)

describe("the module", function()
    local function unload()
        for name in pairs(package.loaded) do
            if name == "mare" or name:find "^mare%." then
                package.loaded[name] = nil
            end
        end
    end

    each_collector("may be unloaded and required again", function(swarm)
        local session = swarm:session()
        local heard
        session:on("done", function() heard = true end)
        unload()
        collectgarbage()
        local again = require "mare"
        assert.not_equal(mare, again)
        local torrent = swarm:add(session)
        local other = assert(again.session { port = false })
        assert.equal("session", again.type(session))
        assert.equal("session", mare.type(other))
        swarm:until_true(function() return heard and torrent.done end)
        other:close(0)
        unload()
        package.loaded.mare = mare
    end)
end)

-- ---- the end of the process -----------------------------------------------------------------

local lua = os.getenv "MARE_LUA" or "lua5.4"

-- Runs a script in another Lua: its exit status and output.
local function run(script, ...)
    local path = os.tmpname()
    loopback.write(path, script)
    local words = { "timeout 60", lua, path, ... }
    local pipe = io.popen(table.concat(words, " ") .. " 2>&1; echo $?")
    local text = pipe:read "a"
    pipe:close()
    os.remove(path)
    return tonumber(text:match "(%d+)\n$"), text
end

local busy = [[
    local loopback = require "support.loopback"
    local swarm = loopback.new()
    os.execute("rm -rf " .. arg[1])
    os.rename(swarm.root, arg[1])
    swarm.root = arg[1]
    local session = swarm:session { state = swarm.root .. "/state", down_rate = 100000 }
    local torrent = swarm:add(session)
    session:spawn(function() local _ <close> = session; torrent:wait "done" end)
    swarm:until_true(function() return torrent.pieces_have > 0 end)
]]

describe("a process that ends in the middle of a download", function()
    local folder
    before_each(function() folder = loopback.folder() end)
    after_each(function() os.execute("rm -rf " .. folder) end)

    for what, ending in pairs {
        ["by reaching its end"] = "",
        ["by os.exit, the state closed"] = "os.exit(0, true)",
        ["by os.exit, the state not closed"] = "os.exit(0)",
        ["by os.exit in a handler"] =
            "session:on('piece', function() os.exit(0, true) end)"
            .. " swarm:until_true(function() return false end)",
        ["by os.exit in a task"] =
            "session:spawn(function() require('mare').sleep(0) os.exit(0, true) end)"
            .. " swarm:until_true(function() return false end)",
        ["by os.exit in a policy"] =
            "session.policy.piece = function() os.exit(0, true) end"
            .. " swarm:until_true(function() return false end)",
        ["with a session that is closed in a finalizer"] =
            "X = setmetatable({}, { __gc = function() session:close(0) X = torrent.alive end })",
        ["with an object that is used in a finalizer"] =
            "X = setmetatable({}, { __gc = function() pcall(function() return torrent.name end)"
            .. " tostring(torrent) end })",
    } do
        it("ends well " .. what, function()
            local status, text = run(busy .. ending, folder)
            assert.equal(0, status, text)
        end)
    end

    it("ends with an error that is its own", function()
        local status, text = run(busy .. "error 'the last words'", folder)
        assert.equal(1, status)
        assert.truthy(text:find "the last words")
    end)

    it("keeps its state when the state is closed", function()
        run(busy .. "os.exit(0, true)", folder)
        local files = io.popen("ls " .. folder .. "/state"):read "a"
        assert.truthy(files:find "%x+%.resume")
    end)
end)
