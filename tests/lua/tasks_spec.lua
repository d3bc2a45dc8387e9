-- Tasks: sleeping, waiting, reading, and what ends them.

local loopback = require "support.loopback"
local mare = require "mare"

describe("a task", function()
    local swarm, session
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(function() swarm:close() end)

    -- Runs f as a task and returns what it returns.
    local function await(f)
        local result
        session:spawn(function() result = table.pack(f()) end)
        swarm:until_true(function() return result end)
        return table.unpack(result, 1, result.n)
    end

    it("begins at once, with its arguments", function()
        local got
        session:spawn(function(...) got = { ... } end, 1, nil, 3)
        assert.same({ 1, nil, 3 }, got)
    end)

    it("sleeps", function()
        local began = mare.now()
        await(function() mare.sleep(0.05) end)
        assert.truthy(mare.now() - began >= 0.05)
    end)

    it("wakes in the order of its time, then of its turn", function()
        local order = {}
        for i, seconds in ipairs { 0.02, 0.01, 0.02, 0, 0.01 } do
            session:spawn(function()
                mare.sleep(seconds)
                order[#order + 1] = i
            end)
        end
        swarm:until_true(function() return #order == 5 end)
        assert.equal(4, order[1])
        local place = {}
        for at, i in ipairs(order) do
            place[i] = at
        end
        assert.truthy(place[2] < place[5] and place[1] < place[3])
    end)

    it("wakes from a thousand sleeps", function()
        local awake = 0
        for i = 1, 1000 do
            session:spawn(function()
                mare.sleep((i * 37 % 100) / 10000)
                awake = awake + 1
            end)
        end
        swarm:until_true(function() return awake == 1000 end)
    end)

    it("refuses nonsense", function()
        assert.has_error(function() mare.sleep(1) end)
        assert.has_error(function() session:wait "done" end)
        assert.has_error(function() session:spawn(1) end)
        for _, bad in ipairs { -1, 0 / 0, "1", {} } do
            assert.is_false(await(function() return (pcall(mare.sleep, bad)) end))
        end
    end)

    it("does not sleep in a coroutine of its own", function()
        local ok, message = await(function()
            return coroutine.wrap(function() return pcall(mare.sleep, 0) end)()
        end)
        assert.is_false(ok)
        assert.truthy(message:find "mare.spawn")
    end)

    it("calls methods from a coroutine of its own", function()
        local torrent = assert(session:add(swarm.bytes))
        assert.equal("moon", await(function()
            return coroutine.wrap(function() return torrent.name end)()
        end))
    end)

    it("waits for an event, and gets what a handler gets", function()
        local torrent = swarm:add(session)
        local of, piece = await(function() return torrent:wait "piece" end)
        assert.equal(torrent, of)
        assert.equal("piece", mare.type(piece))
        assert.equal(torrent, (await(function() return session:wait "done" end)))
    end)

    it("does not wait for what has happened", function()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        swarm:steps(3)
        for _, name in ipairs { "metadata", "checked", "done" } do
            assert.equal(torrent, (await(function() return torrent:wait(name) end)))
        end
    end)

    it("waits no longer than it says", function()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        local ok, message, code = await(function() return torrent:wait("done", 0.02) end)
        assert.is_nil(ok)
        assert.truthy(message:find "done")
        assert.equal("timeout", code)
    end)

    it("stops to wait when the torrent is removed", function()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        session:spawn(function()
            mare.sleep(0.01)
            torrent:remove()
        end)
        assert.same({ nil, "torrent is removed", "closed" },
            { await(function() return torrent:wait "done" end) })
        assert.same({ nil, "torrent is removed", "closed" },
            { await(function() return torrent:wait "done" end) })
    end)

    it("waits for a removal to end", function()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        local of, ok = await(function()
            torrent:remove { data = true }
            return torrent:wait "removed"
        end)
        assert.equal(torrent, of)
        assert.is_true(ok)
        assert.is_nil(loopback.read(session.directory .. "/moon/a.bin"))
    end)

    it("reads without a callback", function()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        assert.equal("a line\n", await(function() return torrent.files[3]:read() end))
        assert.equal(loopback.files[1][2]:sub(1, 16384),
            await(function() return torrent:piece(0):read() end))
        local bytes, message = await(function() return torrent:read(torrent.size, 1) end)
        assert.is_nil(bytes)
        assert.equal("string", type(message))
        assert.has_error(function() torrent:read(0, 1) end)
    end)

    it("gets an answer when its torrent is removed while it reads", function()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        await(function()
            session:spawn(function() torrent:remove() end)
            return pcall(torrent.read, torrent, 0, 100)
        end)
    end)

    it("that raises becomes an error event with its own traceback", function()
        local heard
        session:on("error", function(...) heard = { ... } end)
        local function deep_inside()
            mare.sleep(0)
            error "lost"
        end
        session:spawn(function() deep_inside() end)
        swarm:until_true(function() return heard end)
        assert.equal(session, heard[1])
        assert.truthy(heard[2]:find "lost")
        assert.truthy(heard[2]:find "deep_inside")
        assert.equal("script", heard[3])
    end)

    it("belongs to the session that its spawner belongs to", function()
        local other, owner = swarm:session(), nil
        session:spawn(function()
            mare.sleep(0)
            mare.spawn(function()
                mare.sleep(0)
                owner = true
            end)
        end)
        other:close(0)
        swarm:until_true(function() return owner end)
    end)

    it("belongs to the newest session otherwise", function()
        local newest = swarm:session()
        local woken
        mare.spawn(function()
            mare.sleep(0)
            woken = true
        end)
        newest:run(function() return woken end)
        assert.is_true(woken)
    end)

    it("is closed with its session", function()
        local closed
        session:spawn(function()
            local _ <close> = setmetatable({}, { __close = function() closed = true end })
            mare.sleep(1000)
        end)
        session:close(0)
        assert.is_true(closed)
    end)

    it("may close its session, and end", function()
        local ended
        session:spawn(function()
            mare.sleep(0)
            session:close(0)
            ended = true
        end)
        swarm:until_true(function() return ended end)
        assert.is_false(session.alive)
    end)

    it("needs an open session", function()
        session:close(0)
        assert.has_error(function() session:spawn(print) end, "session is closed")
    end)
end)
