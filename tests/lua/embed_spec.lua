-- A session in somebody else's loop.

local loopback = require "support.loopback"
local mare = require "mare"

describe("a session", function()
    local swarm, seeder, session
    before_each(function()
        swarm = loopback.new()
        seeder, session = swarm:seeder(), swarm:session()
    end)
    after_each(function() swarm:close() end)

    it("is driven by a plain loop", function()
        local torrent = swarm:add(session)
        local turns = 0
        while not torrent.done do
            for _, each in ipairs { seeder, session } do
                assert(each:step(math.min(each:timeout() or 0.01, 0.01)))
            end
            turns = turns + 1
            assert.truthy(turns < 10000)
        end
    end)

    it("is driven by luv", function()
        local uv = require "luv"
        local attach = require "mare.embed.luv"
        attach(seeder)
        attach(session)
        local torrent, done
        local patience = uv.new_timer()
        patience:start(20000, 0, function() error "waited in vain" end)
        local later = uv.new_timer()
        later:start(10, 0, function() -- out of the blue: no step of the session is under way
            later:close()
            torrent = swarm:add(session)
            torrent:on("done", function()
                done = true
                seeder:close(0)
                session:close(0)
                patience:close()
            end)
        end)
        uv.run() -- ends because nothing is left
        assert.is_true(done)
        uv.run "nowait"
    end)

    it("wakes luv for what its tasks plan", function()
        local uv = require "luv"
        local driver = require "mare.embed.luv" (session)
        local woken
        session:spawn(function()
            mare.sleep(0.02)
            woken = true
            driver:close()
        end)
        uv.run()
        assert.is_true(woken)
        assert.is_true(session.alive)
        uv.run "nowait"
    end)

    it("tells luv's loop of errors that nobody hears", function()
        local uv = require "luv"
        local said
        local driver
        driver = require "mare.embed.luv" (session, function(message)
            said = message
            driver:close()
        end)
        session:on("metadata", function() error "in the handler" end)
        session:add(swarm.bytes)
        uv.run()
        assert.truthy(said:find "in the handler")
        uv.run "nowait"
    end)

    it("is driven by cqueues, whose handlers may sleep", function()
        local cqueues = require "cqueues"
        local attach = require "mare.embed.cqueues"
        local controller = cqueues.new()
        local first, second = attach(seeder, controller), attach(session, controller)
        local done
        controller:wrap(function()
            cqueues.sleep(0.01)
            local torrent = swarm:add(session)
            second:wake()
            torrent:on("done", function()
                cqueues.sleep(0.01)
                done = true
                first:close(0)
                second:close(0)
            end)
        end)
        assert(controller:loop(20))
        assert.is_true(done)
        assert.is_true(controller:empty())
    end)

    it("ends cqueues' loop with errors that nobody hears", function()
        local controller = require("cqueues").new()
        require "mare.embed.cqueues" (session, controller)
        session:on("metadata", function() error "in the handler" end)
        session:add(swarm.bytes)
        local ok, message = controller:loop(20)
        assert.falsy(ok)
        assert.truthy(tostring(message):find "in the handler")
    end)
end)
