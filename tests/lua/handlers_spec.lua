-- Handlers: who is called, in which order, and what becomes of those that raise.

local loopback = require "support.loopback"

describe("a handler", function()
    local swarm, session, torrent
    before_each(function()
        swarm = loopback.new()
        session = swarm:session { state = swarm.root .. "/state" }
        torrent = assert(session:add(swarm.bytes, { paused = true }))
        swarm:until_true(function() return torrent.state == "downloading" end)
        swarm:steps(3)
    end)
    after_each(function() swarm:close() end)

    -- An event that can be had at any time.
    local function cause()
        assert(torrent:save())
    end

    local function count_calls(object, name)
        local calls = { n = 0 }
        calls.f = object:on(name, function(...)
            calls.n = calls.n + 1
            calls.last = { ... }
        end)
        return calls
    end

    it("of the torrent is called before those of the session", function()
        local order = {}
        session:on("saved", function() order[#order + 1] = "session" end)
        torrent:on("saved", function() order[#order + 1] = "torrent" end)
        torrent:on("saved", function() order[#order + 1] = "torrent again" end)
        cause()
        swarm:until_true(function() return #order >= 3 end)
        assert.same({ "torrent", "torrent again", "session" }, order)
    end)

    it("gets the torrent first", function()
        local calls = count_calls(session, "saved")
        cause()
        swarm:until_true(function() return calls.n > 0 end)
        assert.same({ torrent }, calls.last)
    end)

    it("hears only of its own torrent", function()
        local other = swarm:session { state = swarm.root .. "/other" }
        local second = assert(other:add(swarm.bytes, { paused = true }))
        local calls = count_calls(second, "saved")
        swarm:until_true(function() return second.state == "downloading" end)
        swarm:steps(5)
        local before = calls.n
        cause()
        local heard = count_calls(session, "saved")
        swarm:until_true(function() return heard.n > 0 end)
        assert.equal(before, calls.n)
    end)

    it("is refused for an event that does not exist", function()
        local ok, message = pcall(session.on, session, "finished", print)
        assert.is_false(ok)
        assert.truthy(message:find "no event 'finished'; there are .*done")
        assert.has_error(function() session:on("read", print) end)
        assert.has_error(function() session:on("done", "print") end)
    end)

    it("can be taken back", function()
        local calls, others = count_calls(torrent, "saved"), count_calls(torrent, "saved")
        assert.is_true(torrent:off("saved", calls.f))
        assert.is_false(torrent:off("saved", calls.f))
        cause()
        swarm:until_true(function() return others.n > 0 end)
        assert.equal(0, calls.n)
    end)

    it("may remove itself while it is called", function()
        local n = 0
        local function once()
            n = n + 1
            torrent:off("saved", once)
        end
        torrent:on("saved", once)
        local others = count_calls(torrent, "saved")
        cause()
        swarm:until_true(function() return others.n == 1 end)
        cause()
        swarm:until_true(function() return others.n == 2 end)
        assert.equal(1, n)
    end)

    it("that another one removes meanwhile is not called", function()
        local calls
        torrent:on("saved", function() torrent:off("saved", calls.f) end)
        calls = count_calls(torrent, "saved")
        local last = count_calls(torrent, "saved")
        cause()
        swarm:until_true(function() return last.n == 1 end)
        assert.equal(0, calls.n)
    end)

    it("that is added meanwhile waits for the next event", function()
        local added
        torrent:on("saved", function() added = added or count_calls(torrent, "saved") end)
        cause()
        swarm:until_true(function() return added end)
        assert.equal(0, added.n)
        cause()
        swarm:until_true(function() return added.n == 1 end)
    end)

    describe("that raises", function()
        it("keeps no other from being called", function()
            torrent:on("saved", function() error "first" end)
            local calls = count_calls(torrent, "saved")
            session:on("error", function() end)
            cause()
            swarm:until_true(function() return calls.n == 1 end)
        end)

        it("becomes an error event with a traceback", function()
            torrent:on("saved", function() error "oh no" end)
            local own, all = count_calls(torrent, "error"), count_calls(session, "error")
            cause()
            swarm:until_true(function() return own.n == 1 and all.n == 1 end)
            local subject, message, code = table.unpack(own.last)
            assert.equal(torrent, subject)
            assert.truthy(message:find "oh no")
            assert.truthy(message:find "handlers_spec.lua")
            assert.truthy(message:find "traceback")
            assert.equal("script", code)
            assert.equal(torrent, all.last[1])
        end)

        it("makes the step fail when nobody listens", function()
            torrent:on("saved", function() error "unheard" end)
            cause()
            local ok, message, code
            repeat
                ok, message, code = session:step(0.01)
            until not ok
            assert.truthy(message:find "unheard")
            assert.equal("script", code)
            assert.is_true(session:step(0))
        end)

        it("makes run return", function()
            torrent:on("saved", function() error "unheard" end)
            cause()
            local ok, message, code = session:run(5)
            assert.is_nil(ok)
            assert.truthy(message:find "unheard")
            assert.equal("script", code)
        end)

        it("may raise anything", function()
            torrent:on("saved", function() error(nil) end)
            torrent:on("saved", function() error {} end)
            torrent:on("saved", function() error(setmetatable({}, {
                __tostring = function() error "not even this" end,
            })) end)
            local calls = count_calls(session, "error")
            cause()
            swarm:until_true(function() return calls.n == 3 end)
        end)

        it("of `error` is no reason to call it again", function()
            local n = 0
            session:on("error", function()
                n = n + 1
                error "worse"
            end)
            torrent:on("saved", function() error "bad" end)
            cause()
            local ok, message
            repeat
                ok, message = session:step(0.01)
            until not ok
            assert.truthy(message:find "worse")
            assert.equal(1, n)
        end)
    end)

    it("may close the session: nothing more is called", function()
        local later = 0
        torrent:on("saved", function() session:close(0) end)
        torrent:on("state", function() later = later + 1 end)
        cause()
        torrent:resume()
        swarm:until_true(function() return not session.alive end)
        assert.equal("torrent (removed)", tostring(torrent))
    end)

    it("may remove the torrent", function()
        local removed
        torrent:on("saved", function(t) t:remove() end)
        session:on("removed", function() removed = true end)
        cause()
        swarm:until_true(function() return removed end)
        assert.is_false(torrent.alive)
    end)

    it("cannot step", function()
        local result
        torrent:on("saved", function() result = { session:step(0) } end)
        cause()
        swarm:until_true(function() return result end)
        assert.same({ nil, "already stepping", "busy" }, result)
    end)

    it("that causes events for ever cannot keep a step from ending", function()
        local n = 0
        torrent:on("state", function()
            n = n + 1
            if torrent.paused then
                torrent:resume()
            else
                torrent:pause()
            end
        end)
        torrent:resume()
        torrent:pause()
        session:step(0)
        session:step(0)
        assert.truthy(n < 20000)
    end)
end)

describe("a script that does not listen", function()
    it("loses events, is told how many, and goes on", function()
        local swarm = loopback.new()
        local session = swarm:session()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        local lost
        session:on("overflow", function(of, count) lost = { of, count } end)
        for _ = 1, 10000 do
            torrent:resume()
            torrent:pause()
        end
        swarm:until_true(function() return lost end)
        assert.equal(session, lost[1])
        assert.truthy(lost[2] > 0)
        swarm:close()
    end)
end)
