-- What a viewer is told when it does not work: one sentence, on the screen and in the log, and mpv
-- goes on with its playlist, or ends with the status that it has for such things.

local clips = require "support.clips"
local loopback = require "support.loopback"
local small_disk = require "support.small_disk"
local viewers = require "support.viewer"

local FAILED, FAILED_IN_PART = 2, 3 -- mpv: nothing could be played; the list, but nothing in it
local DEAD = "magnet:?xt=urn:btih:" .. ("ab"):rep(20)

describe("mpv says what is wrong", function()
    local files, viewer

    setup(function() files = clips.files() end)
    before_each(function() viewer = viewers.new { files = files } end)
    after_each(function() viewer:close() end)

    -- What it prints in our name; mpv's own word that it plays nothing comes after it.
    local function said_of(...)
        local player = viewer:start(...)
        local status = player:ended()
        local text = player.process:log():gsub("\27%[[%d;]*%a", ""):gsub("\r", "\n")
        local ours = {}
        for line in text:gmatch "%[mare%] ([^\n]-) *\n" do
            ours[#ours + 1] = line
        end
        assert.is_true(status == FAILED or status == FAILED_IN_PART, text)
        for _, line in ipairs(ours) do
            assert.equal(ours[1], line) -- the same of each file
        end
        assert.is_nil(text:find "No such file or directory\nFailed")
        assert.is_nil(text:find "ytdl")
        return ours[1]
    end

    local wrong = {
        { "a link that names no torrent", "magnet:?dn=film", "names no torrent" },
        { "a path that leads nowhere", "/nowhere/film.torrent",
            "cannot open /nowhere/film.torrent: No such file or directory" },
        { "an address that nobody answers at", "http://127.0.0.1:1/film.torrent",
            "cannot fetch from 127.0.0.1" },
        { "a name of ours that is none", "torrent://abc/1/film", "40 digits" },
    }
    for _, each in ipairs(wrong) do
        it(each[1], function()
            assert.truthy(said_of(each[2]):find(each[3], 1, true))
        end)
    end

    it("a file that is no torrent", function()
        loopback.write(viewer.home .. "/bad.torrent", "<html>")
        assert.truthy(said_of(viewer.home .. "/bad.torrent"):find("/bad.torrent: ", 1, true))
    end)

    it("a file that the torrent does not have", function()
        assert.truthy(said_of(viewer:entry(99, "x.mkv")):find "moon has no file 99")
    end)

    it("a torrent without a film", function()
        local papers = viewer:another { { "a.txt", "some words" }, { "b.pdf", "no words" } }
        assert.truthy(said_of(viewer.magnet(papers))
            :find "moon has no film and no music; the largest of its files is moon/a.txt")
    end)

    it("a directory that cannot be one", function()
        loopback.write(viewer.home .. "/file", "")
        viewer:configure "directory=~/file/films"
        assert.truthy(said_of(viewer.swarm.path):find("/home/file", 1, true))
    end)

    it("a full disk", function()
        local dir = viewer.home .. "/small"
        if not small_disk.mount(dir, 6 << 20, 1 << 20) then
            return pending "NOT RUN: needs the right to mount a tmpfs, so run this as root"
        end
        viewer:configure "directory=~/small"
        local player = viewer:start("--pause", viewer:entry(2, "fast.mp4"))
        player:eventually("it is said", function()
            return player.process:log():find("[mare] " .. dir .. "[^\n]*No space left[^\n]*waits")
        end)
        viewer:quit(player)
        viewer:until_engine_ends()
    end)

    for _, each in ipairs {
        { "policy=~/none.lua", "none.lua" }, { "up=fast", "fast" },
        { "bind=10.255.255.1", "10.255" },
        { "on_exit=burn", "burn" }, { "proxy=gopher://x:1", "a proxy is socks5://" },
    } do
        it("a setting that is none: " .. each[1], function()
            viewer:configure(each[1], each[1]:find "^bind" and "--port 0 --no-dht --no-lsd")
            assert.truthy(said_of(viewer.swarm.path):find(each[2], 1, true))
        end)
    end

    it("a command that is not there", function()
        viewer:configure "command=/nowhere/mare"
        assert.truthy(said_of(viewer.swarm.path):find "cannot start /nowhere/mare")
    end)

    it("a link that nobody answers for, as long as that lasts", function()
        local player = viewer:start("--msg-level=all=warn,statusline=status", "--no-video",
            DEAD .. "&dn=Some+Film%21")
        player:eventually("it is said", function()
            return player.process:log():find(
                "mare: Some Film!, asking what is in it, 0 %, no peers", 1, true)
        end)
        player:eventually("the engine is there", function() return viewer:has_engine() end)
        viewer:quit(player)
    end)
end)
