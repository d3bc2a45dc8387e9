-- mpv plays torrents by its script, as its user has it: installed into a home of its own, with an
-- engine that it starts. The swarm is a session of this process.

local clips = require "support.clips"
local core = require "mare.core"
local engine = require "mare.cli.mpv_engine"
local loopback = require "support.loopback"
local mpv = require "support.mpv"
local process = require "support.process"
local uv = require "luv"

local MARE = assert(uv.fs_realpath "build/mare")
local ALONE = "--bind 127.0.0.1 --port 0 --no-dht --no-lsd --no-portmap"
local STALLED = 1 -- bytes a second

describe("mpv", function()
    local files, by_name, swarm, home

    setup(function()
        files, by_name = clips.files(), {}
        for _, file in ipairs(files) do
            by_name[file[1]] = file[2]
        end
        files[#files + 1] = { "sample/film-sample.mp4", by_name["fast.mp4"]:sub(1, 500000) }
    end)

    local function run_mare(...)
        return process.try {
            "env", "-u", "XDG_CONFIG_HOME", "-u", "MPV_HOME", "HOME=" .. home, MARE, ...,
        }
    end

    local function configure(text)
        loopback.write(home .. "/.config/mpv/script-opts/mare.conf", text)
    end

    before_each(function()
        swarm = loopback.new { files = files }
        home = swarm.root .. "/home"
        assert(os.execute("mkdir -p " .. home .. "/run"))
        assert.equal(0, (run_mare("mpv", "install")))
        configure(("arguments=%s --peer 127.0.0.1:%d\n"):format(ALONE, swarm:seeder().port))
    end)
    after_each(function()
        process.cleanup()
        process.eventually(10, "the engine ends", function()
            return not core.channel_connect(engine.name(home .. "/run"))
        end)
        swarm:close()
    end)

    local others = {} -- swarms beside the usual one

    local function turn()
        uv.run "nowait"
        for _, each in ipairs { swarm, table.unpack(others) } do
            for _, session in ipairs(each.sessions) do
                if session.alive then
                    assert(session:step(0.001))
                end
            end
        end
    end

    local function start(...)
        return mpv.start({ ... }, turn, home)
    end

    local function quit(player)
        player:command "quit"
        assert.equal(0, player:ended())
    end

    local function info_hash()
        return swarm:seeder():torrents()[1].info_hash
    end

    local function entry(index, name)
        return ("torrent://%s/%d/%s"):format(info_hash(), index, name)
    end

    local function magnet(of)
        local session = of:seeder()
        return ("magnet:?xt=urn:btih:%s&x.pe=127.0.0.1:%d"):format(
            session:torrents()[1].info_hash, session.port)
    end

    local function is_at(to)
        return function(t) return math.abs(t - to) < 0.3 end
    end

    local function seek_to(player, to)
        player:command("seek", to, "absolute")
        player:until_get("time-pos", is_at(to))
        player:until_get("seeking", function(is) return not is end)
    end

    local function has_engine()
        return core.channel_connect(engine.name(home .. "/run")) ~= nil
    end

    -- Sockets and films that somebody would have to clean away.
    local function strays()
        os.execute("mkdir -p " .. home .. "/.cache")
        return process.run { "find", home .. "/run", home .. "/.cache", "-type", "f", "-o",
            "-type", "s" }
    end

    local function until_nothing_is_left()
        swarm:until_true(function()
            uv.run "nowait"
            return not has_engine()
        end)
        assert.equal("", strays())
    end

    it("plays a torrent's films to their ends, in the place of the torrent", function()
        local single = swarm.root .. "/single.mp4"
        loopback.write(single, by_name["fast.mp4"])
        local player = start("--pause", "--untimed", "--no-audio", single, swarm.path, single)
        player:until_get("time-pos", function(t) return t >= 0 end)
        player:command("set_property", "pause", false)
        player:until_get("playlist-count", function(n) return n == 5 end)
        assert.equal(entry(1, "end.mp4"), player:get "playlist/1/filename")
        assert.equal("film.mkv", player:get "playlist/3/title")
        assert.equal(single, player:get "playlist/4/filename")
        assert.equal(0, player:ended())
        assert.equal("", (player.process:log():gsub("\27%[%d*%a", ""):gsub("%s", "")))
        until_nothing_is_left()
    end)

    it("has the torrent's subtitles", function()
        local player = start("--pause", "--start=7", entry(3, "film.mkv"))
        player:until_get("sub-text", function(text) return text == "second" end)
        assert.equal(4, player:get "track-list/count") -- two of them subtitles: in it, beside it
        assert.equal("film.mkv", player:get "media-title")
        quit(player)
    end)

    for index, name in ipairs { "end.mp4", "fast.mp4", "film.mkv" } do
        it("seeks in " .. name .. ": far, back, three times fast", function()
            swarm:seeder().up_rate = 3000000
            local player = start("--pause", "--hr-seek=yes", entry(index, name))
            player:until_get("time-pos", function(t) return t >= 0 end)
            seek_to(player, 20)
            seek_to(player, 3)
            player:command("seek", 6, "absolute")
            player:command("seek", 22, "absolute")
            seek_to(player, 12)
            quit(player)
        end)
    end

    it("is released from a seek to where the swarm gives nothing", function()
        swarm:seeder().up_rate = 800000
        local player = start("--pause", "--hr-seek=yes", "--demuxer-seekable-cache=no",
            "--demuxer-max-bytes=400KiB", entry(2, "fast.mp4"))
        player:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
        swarm:seeder().up_rate = STALLED
        player:command("seek", 22, "absolute")
        player:until_get("seeking", function(is) return is end)
        seek_to(player, 1) -- without the cure it waits for the swarm, which never comes
        quit(player)
    end)

    it("tells the engine how it is", function()
        local player = start("--pause", entry(3, "film.mkv"))
        player:until_get("time-pos", function(t) return t >= 0 end)
        local base = player:get "stream-open-filename":match "^(http://[^/]+/[^/]+/)"
        player:eventually("its health is known", function()
            local p = process.start { "curl", "-s", base .. "status.json" }
            player:eventually("an answer", function() return not p:running() end)
            return p:output():find '"health":{"cached_seconds":[1-9]'
                or p:output():find('"readers":[]', 1, true) -- all was read
        end)
        quit(player)
    end)

    it("plays several links of one playlist", function()
        local other = loopback.new { files = { { "other.mkv", by_name["film.mkv"] } } }
        others = { other }
        finally(function()
            others = {}
            other:close()
        end)
        local player = start("--pause", magnet(swarm), magnet(other))
        player:until_get("playlist-count", function(n) return n == 4 end)
        player:until_get("media-title", function(title) return title == "end.mp4" end)
        player:command("playlist-play-index", 3)
        player:until_get("media-title", function(title) return title == "other.mkv" end)
        player:until_get("time-pos", function(t) return t >= 0 end)
        assert.equal(4, player:get "playlist-count")
        quit(player)
        until_nothing_is_left()
    end)

    it("shares the engine with other players, which go on without it", function()
        local one = start("--pause", entry(2, "fast.mp4"))
        local two = start("--pause", entry(3, "film.mkv"))
        for _, player in ipairs { one, two } do
            player:until_get("time-pos", function(t) return t >= 0 end)
        end
        local function address(player)
            return player:get "stream-open-filename":match "^http://[^/]+/[^/]+/"
        end
        assert.equal(address(one), address(two))
        quit(one)
        seek_to(two, 15)
        quit(two)
        until_nothing_is_left()
    end)

    it("may be quit while nobody knows what a link is", function()
        local player = start("magnet:?xt=urn:btih:" .. ("ab"):rep(20))
        player:eventually("the engine is there", has_engine)
        player:eventually("it is asked", function()
            return player:get "stream-open-filename" == "magnet:?xt=urn:btih:" .. ("ab"):rep(20)
        end)
        quit(player)
        until_nothing_is_left()
    end)

    it("goes on with the playlist when something is no torrent", function()
        loopback.write(swarm.root .. "/broken.torrent", "d4:infoi1ee")
        local player = start("--pause", swarm.root .. "/broken.torrent", entry(2, "fast.mp4"))
        player:until_get("media-title", function(title) return title == "fast.mp4" end)
        assert.truthy(player.process:log():find("[mare] " .. swarm.root .. "/broken.torrent: ", 1,
            true))
        quit(player)
    end)

    it("goes on with the playlist when somebody does not wait for what a link is", function()
        local link = "magnet:?xt=urn:btih:" .. ("ab"):rep(20)
        local player = start("--pause", link, entry(2, "fast.mp4"))
        player:eventually("the engine is there", has_engine)
        player:until_get("stream-open-filename", function(name) return name == link end)
        player:command "playlist-next"
        player:until_get("time-pos", function(t) return t >= 0 end)
        assert.equal("fast.mp4", player:get "media-title")
        quit(player)
    end)

    it("may be quit before it has asked for anything", function()
        local player = start("magnet:?xt=urn:btih:" .. ("ab"):rep(20))
        player:eventually("the engine is there", has_engine)
        quit(player)
        process.eventually(10, "the engine ends", function() return not has_engine() end)
        assert.equal("", strays())
    end)

    it("leaves no process and no file when it is killed", function()
        local command = mpv.at_home(home)
        command[#command + 1] = swarm.path
        local player = process.start(command)
        local seed = swarm:seeder():torrents()[1]
        swarm:until_true(function()
            uv.run "nowait"
            return seed.uploaded > 1000000
        end)
        assert.truthy(strays():find "mare%-mpv%-%d+.*%.sock")
        player:kill "sigkill"
        until_nothing_is_left()
    end)

    it("goes on where it was left", function()
        local player = start("--pause", "--save-position-on-quit", swarm.path)
        player:until_get("playlist-count", function(n) return n == 3 end)
        player:command("playlist-play-index", 2)
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        player:until_get("time-pos", function(t) return t >= 0 end)
        seek_to(player, 12)
        quit(player)
        player = start("--pause", swarm.path)
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        player:until_get("time-pos", is_at(12))
        quit(player)
    end)

    it("keeps what is to be kept", function()
        configure(("on_exit=keep\ndirectory=~/Films\narguments=%s --peer 127.0.0.1:%d\n"):format(
            ALONE, swarm:seeder().port))
        local player = start("--untimed", "--no-audio", entry(2, "fast.mp4"))
        assert.equal(0, player:ended())
        until_nothing_is_left()
        assert.is_true(loopback.read(home .. "/Films/moon/fast.mp4") == by_name["fast.mp4"])
    end)

    it("writes nothing when told so", function()
        configure(("memory_only=8M\narguments=%s --peer 127.0.0.1:%d\n"):format(ALONE,
            swarm:seeder().port))
        local player = start("--untimed", "--no-audio", entry(2, "fast.mp4"))
        player:until_get("time-pos", function(t) return t >= 0 end)
        assert.equal("", process.run { "find", home, "-name", "fast.mp4" })
        assert.equal(0, player:ended())
    end)
end)

describe("mare mpv", function()
    local home

    before_each(function() home = loopback.folder() end)
    after_each(function()
        process.cleanup()
        os.execute("rm -rf '" .. home .. "'")
    end)

    local function run(...)
        return process.try {
            "env", "-u", "XDG_CONFIG_HOME", "-u", "MPV_HOME", "HOME=" .. home, MARE, ...,
        }
    end

    it("installs, again, and uninstalls without a trace", function()
        assert.equal(0, (run("mpv", "install")))
        assert.equal(0, (run("mpv", "install")))
        local where = assert(loopback.read(home .. "/.config/mpv/scripts/mare/where.lua"))
        assert.truthy(where:find(MARE, 1, true))
        assert.equal(0, (run("mpv", "uninstall")))
        assert.equal("", process.run { "find", home, "-type", "f" })
    end)

    it("leaves somebody else's script alone", function()
        local path = home .. "/.config/mpv/scripts/mare/main.lua"
        loopback.write(path, "-- mine\n")
        local status, text = run("mpv", "install")
        assert.equal(1, status)
        assert.truthy(text:find "somebody else's")
        assert.equal(1, (run("mpv", "uninstall")))
        assert.equal("-- mine\n", loopback.read(path))
    end)

    it("says what it can do", function()
        local status, text = run("mpv", "update")
        assert.equal(2, status)
        assert.truthy(text:find "install or uninstall")
    end)
end)
