-- Seeks in mpv: where the swarm gives, and where it does not. What mpv has in its own cache is
-- played whatever the swarm does; and elsewhere it does not wait for what it has turned away from.

local clips = require "support.clips"
local viewers = require "support.viewer"

local STALLED = 1 -- bytes a second

local names = { "end.mp4", "fast.mp4", "film.mkv" }

describe("mpv", function()
    local files, viewer, seeder

    setup(function() files = clips.files() end)
    before_each(function()
        viewer = viewers.new { files = files }
        seeder = viewer.swarm:seeder()
    end)
    after_each(function() viewer:close() end)

    local function start(index, ...)
        return viewer:start(viewer:entry(index, names[index]), "--pause", "--hr-seek=yes",
            "--no-audio", "--untimed", "--keep-open=yes", ...)
    end

    -- The swarm stalls when mpv has some seconds of film, and is about to wait for more.
    local function until_stalled(player)
        player:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
        seeder.up_rate = STALLED
        viewer:until_waiting(player, 0.1)
    end

    local function seeks_done(player)
        return player:get "demuxer-cache-state"["debug-low-level-seeks"]
    end

    for index, name in ipairs(names) do
        it("seeks in " .. name .. ": far, back, three times fast", function()
            seeder.up_rate = 3000000
            local player = start(index)
            player:until_shown()
            player:seek(20)
            player:seek(3)
            player:command("seek", 6, "absolute")
            player:command("seek", 22, "absolute")
            player:seek(12)
            viewer:quit(player)
        end)
    end

    -- All in the cache that the demuxer keeps; what it waits for is what comes next.
    local function stays_in_its_cache(index, ...)
        seeder.up_rate = 800000
        local player = start(index, ...)
        until_stalled(player)
        for _, to in ipairs { 1, 0.5, 0 } do
            player:seek(to)
        end
        player:command("set_property", "pause", false)
        player:until_get("paused-for-cache", function(is) return is end)
        player:eventually("the engine has heard where it is", function()
            local reader = viewer:status(player).torrents[1].readers[1]
            return reader and (reader.health or {}).playhead and reader.health.playhead > 1.4
        end)
        local waited = viewer:waiting(player)
        player:command("seek", 0, "absolute")
        viewer:until_waiting(player, waited + 0.4)
        assert.equal(0, seeks_done(player))
        seeder.up_rate = 0
        player:until_get("time-pos", function(at) return at > clips.seconds - 1 end)
        viewer:quit(player)
    end

    for _, index in ipairs { 2, 3 } do
        it("seeks in its cache, and ends no read by that: " .. names[index], function()
            stays_in_its_cache(index)
        end)
    end

    it("is released from a read that a seek has turned away from", function()
        seeder.up_rate = 800000
        local player = start(2)
        until_stalled(player)
        local done = seeks_done(player)
        player:command("seek", 20, "absolute")
        player:eventually("its demuxer is elsewhere", function()
            return seeks_done(player) > done
        end)
        viewer:quit(player)
    end)

    it("ends no read of another player's film", function()
        seeder.up_rate = 800000
        local one, two = start(2), start(3)
        one:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
        until_stalled(two)
        local done = seeks_done(two)
        two:command("seek", 20, "absolute")
        two:eventually("its demuxer is elsewhere", function() return seeks_done(two) > done end)
        viewer:until_waiting(one, 0.1)
        seeder.up_rate = 0
        one:command("set_property", "pause", false)
        one:until_get("time-pos", function(at) return at > clips.seconds - 1 end)
        assert.is_nil(one.process:log():find("prematurely", 1, true))
        viewer:quit(one)
        viewer:quit(two)
    end)

    it("does not take the place of another player of the same film", function()
        seeder.up_rate = 400000
        local one, two = start(2), start(2)
        for _, player in ipairs { one, two } do
            player:until_get("demuxer-cache-duration", function(t) return t >= 1 end)
        end
        seeder.up_rate = STALLED
        one:eventually("both wait", function()
            local waiting = 0
            for _, reader in ipairs(viewer:status(one).torrents[1].readers) do
                assert.is_false(reader.superseded)
                waiting = waiting + (reader.waiting > 0 and 1 or 0)
            end
            return waiting == 2
        end)
        seeder.up_rate = 0
        viewer:quit(one)
        viewer:quit(two)
    end)

    it("finds its way in an mkv after seeks that it was released from", function()
        seeder.up_rate = 200000
        local player = start(3)
        player:until_shown()
        seeder.up_rate = STALLED
        viewer:until_waiting(player, 0.1)
        for _, to in ipairs { 20, 10, 16 } do
            local done = seeks_done(player)
            player:command("seek", to, "absolute")
            player:eventually("its demuxer is elsewhere", function()
                return seeks_done(player) > done
            end)
            viewer:until_waiting(player, 0.1)
        end
        seeder.up_rate = 0
        player:seek(8)
        player:seek(22)
        player:seek(4)
        viewer:quit(player)
    end)

    it("is released from a seek to where the swarm gives nothing", function()
        seeder.up_rate = 800000
        local player = start(2)
        until_stalled(player)
        player:command("seek", 20, "absolute")
        player:until_get("seeking", function(is) return is end)
        player:seek(1)
        local done = seeks_done(player)
        player:eventually("it reads on where its cache ends", function()
            return seeks_done(player) > done
        end)
        seeder.up_rate = 0
        player:command("set_property", "pause", false)
        player:until_get("time-pos", function(at) return at > clips.seconds - 1 end)
        viewer:quit(player)
    end)
end)
