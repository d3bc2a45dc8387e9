-- Memory that runs out in the middle of anything: nothing crashes, nothing leaks, and what was
-- begun can still be closed. Also: a closed state leaves nothing behind for valgrind to find.

local loopback = require "support.loopback"

local lua = os.getenv "MARE_LUA" or "lua5.4"
local sanitized = lua:find("build/check", 1, true)

local function sh(command)
    local pipe = io.popen("{ " .. command .. "; } 2>&1; echo $?")
    local text = pipe:read "a"
    pipe:close()
    return tonumber(text:match "(%d+)\n$"), text
end

-- prepare() gives what attempt gets; only attempt runs out of memory.
local attempts = {
    ["making and closing a session"] = [[
        local mare = require "mare"
        return function() end, function()
            local session = assert(mare.session { port = false })
            session:close(0)
        end
    ]],
    ["adding a torrent and looking at all of it"] = [[
        local core, mare = require "mare.core", require "mare"
        return function()
            return assert(mare.session { port = false, directory = FOLDER }), BYTES
        end, function(session, bytes)
            local torrent = assert(session:add(bytes, { files = { 2, "txt$" } }))
            local objects = { session = session, torrent = torrent, file = torrent.files[1],
                piece = torrent:piece(0) }
            for name, object in pairs(objects) do
                tostring(object)
                for _, property in ipairs(core._members()[name].properties) do
                    local _ = object[property]
                end
            end
            torrent.data.x, session.data.y = {}, {}
            pcall(function() return torrent.nam end)
        end
    ]],
    ["adding a link and looking at all of it"] = [[
        local core, mare = require "mare.core", require "mare"
        local link = "magnet:?xt=urn:btih:" .. ("ab"):rep(20) .. "&dn=a&tr=http://127.0.0.1:1/"
            .. "&x.pe=127.0.0.1:9&so=0"
        return function()
            return assert(mare.session { port = false, directory = FOLDER })
        end, function(session)
            local torrent = assert(session:add(link, { files = { 2 }, paused = true }))
            assert(mare.info(link))
            for _, property in ipairs(core._members().torrent.properties) do
                local _ = torrent[property]
            end
        end
    ]],
    ["handlers, tasks and events"] = [[
        local mare = require "mare"
        return function()
            local session = assert(mare.session { port = false, directory = FOLDER })
            return session, assert(session:add(BYTES, { seed = true })), mare
        end, function(session, torrent, mare)
            local checked, slept
            torrent:on("checked", function() checked = true end)
            session:on("error", function() end)
            session:spawn(function() mare.sleep(0) slept = true end)
            session:spawn(function() torrent:wait "done" end)
            while not (checked and slept) do
                assert(session:step(0.001))
            end
            torrent:remove()
            session:step(0)
        end
    ]],
    ["reading"] = [[
        local mare = require "mare"
        return function()
            local session = assert(mare.session { port = false, directory = FOLDER })
            local torrent = assert(session:add(BYTES, { seed = true }))
            session:run(function() return torrent.done end)
            return session, torrent
        end, function(session, torrent)
            local got
            torrent:piece(1):read(function(bytes) got = bytes end)
            while not got do
                assert(session:step(0.001))
            end
        end
    ]],
    ["readers and views"] = [[
        local mare = require "mare"
        return function()
            local session = assert(mare.session { port = false, directory = FOLDER })
            local torrent = assert(session:add(BYTES, { seed = true }))
            session:run(function() return torrent.done end)
            return session, torrent
        end, function(session, torrent)
            local reader <close> = assert(torrent.files[1]:reader { position = 5, group = 1 })
            local got, view
            reader.health = { cached_seconds = 1, playhead = 2 }
            assert(reader:read(10, function(bytes, message) got = bytes or message end))
            while not got do
                assert(session:step(0.001))
            end
            assert(reader:view(10, function(shown, message) view = shown or message end))
            while not view do
                assert(session:step(0.001))
            end
            assert(#got == 10 and view:sub(1, 3) and #torrent.readers == 1, got)
            assert(reader:seek(7) and reader:cancel())
        end
    ]],
    ["policies"] = [[
        local mare = require "mare"
        return function()
            local session = assert(mare.session { port = false, directory = FOLDER })
            local torrent = assert(session:add(BYTES))
            session:run(function() return torrent.done end)
            return session, torrent
        end, function(session, torrent)
            local seen
            session:on("error", function() end)
            session.policy.connect = function(candidate)
                seen = candidate.address .. candidate.source
                candidate.torrent.slots = 3
                candidate.torrent:ban "127.0.0.2"
                return false
            end
            torrent.policy = { admit = function(candidate) return candidate.port end }
            assert(torrent:suggest "127.0.0.1:1")
            for _ = 1, 10 do
                if torrent.slots == 3 then
                    break
                end
                assert(torrent:suggest "127.0.0.1:1")
                torrent.policy.connect = session.policy.connect -- a new judge is asked anew
                assert(session:step(0))
            end
            assert(seen and torrent.slots == 3 and #session.bans == 1)
            torrent.policy = nil
        end
    ]],
    ["mare.info and mare.create"] = [[
        local mare = require "mare"
        return function() end, function()
            local bytes = assert(mare.create(FOLDER .. "/moon", {
                trackers = { "http://a.example/announce" }, webseeds = { "http://b.example/" },
                progress = function(done, total) return done <= total end,
                note = function(sentence) return #sentence end,
            }))
            assert(mare.info(bytes))
            mare.info "d3:cow3:mooe"
        end
    ]],
}

describe("memory that runs out", function()
    local swarm, program
    setup(function()
        swarm = loopback.new()
        loopback.write(swarm.root .. "/data/moon/.hidden", "h")
        program = swarm.root .. "/nomem"
        local status, text = sh(table.concat({
            os.getenv "CC" or "cc", "-g", sanitized and "-fsanitize=address,undefined" or "",
            "$(pkg-config --cflags lua5.4) -o", program,
            "tests/lua/nomem.c -rdynamic $(pkg-config --libs lua5.4)",
        }, " "))
        assert(status == 0, text)
    end)
    teardown(function() swarm:close() end)

    for what, script in pairs(attempts) do
        it("in " .. what .. " costs only the attempt", function()
            local path = swarm.root .. "/attempt.lua"
            local head = "local FOLDER, BYTES = %q, %q\n"
            loopback.write(path, head:format(swarm.root .. "/data", swarm.bytes) .. script)
            local status, text = sh("timeout 200 " .. program .. " " .. path)
            assert.equal(0, status, text)
            assert.truthy(tonumber(text:match "(%d+) allocations") > 0, text)
        end)
    end
end)

describe("a state that is closed", function()
    if sanitized then
        return -- the leak checker has looked at the other specs
    end

    it("leaves nothing behind, whatever was under way", function()
        local swarm = loopback.new()
        local path = swarm.root .. "/script.lua"
        loopback.write(path, [[
            local loopback, mare = require "support.loopback", require "mare"
            local swarm = loopback.new { trackers = { "http://127.0.0.1:1/announce" } }
            local session = swarm:session { state = swarm.root .. "/state", down_rate = 200000 }
            local torrent = swarm:add(session)
            swarm:until_true(function() return torrent.pieces_have > 2 end)
            torrent:on("piece", function() return session end)
            session:spawn(function() torrent:wait "done" return session end)
            torrent.data.peer, torrent.peers[1].data.x = torrent.peers[1], session
            torrent:connect "localhost:1"
            assert(mare.info(assert(mare.create(swarm.root .. "/data"))))
            os.execute("rm -rf " .. swarm.root)
        ]])
        local status, text = sh("timeout 200 valgrind --quiet --error-exitcode=9 --leak-check=full "
            .. "--show-leak-kinds=definite,indirect,possible "
            .. "--errors-for-leak-kinds=definite,indirect " .. lua .. " " .. path)
        swarm:close()
        assert.equal(0, status, text)
    end)
end)
