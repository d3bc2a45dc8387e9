-- mpv plays torrents by its script, as its user has it: installed into a home of its own, with an
-- engine that it starts. The swarm is a session of this process.

local clips = require "support.clips"
local json = require "mare.cli.json"
local loopback = require "support.loopback"
local mpv = require "support.mpv"
local process = require "support.process"
local uv = require "luv"
local viewers = require "support.viewer"
local web = require "support.web"

describe("mpv", function()
    local files, by_name, viewer, swarm, home

    setup(function()
        files, by_name = clips.files()
        files[#files + 1] = { "sample/film-sample.mp4", by_name["fast.mp4"]:sub(1, 500000) }
    end)
    before_each(function()
        viewer = viewers.new { files = files }
        swarm, home = viewer.swarm, viewer.home
    end)
    after_each(function() viewer:close() end)

    local function start(...)
        return viewer:start(...)
    end

    local function entry(...)
        return viewer:entry(...)
    end

    local function quit(player)
        viewer:quit(player)
    end

    local function has_engine()
        return viewer:has_engine()
    end

    local function until_nothing_is_left()
        viewer:until_engine_ends()
        assert.equal("", viewer:strays())
    end

    it("plays a torrent's films to their ends, in the place of the torrent", function()
        local single = swarm.root .. "/single.mp4"
        loopback.write(single, by_name["fast.mp4"])
        local player = start("--pause", "--untimed", "--no-audio", single, swarm.path, single)
        player:until_shown()
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

    it("has the torrent's sound, where that is a file of its own", function()
        local sound = clips.sound(by_name["fast.mp4"])
        viewer:another {
            { "film.de.m4a", sound }, { "film.mkv", by_name["film.mkv"] },
            { "film.srt", by_name["film.srt"] }, { "other.mkv", by_name["film.mkv"] },
        }
        local other = viewer.others[1]
        local player = start("--pause", viewer.magnet(other))
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        player:until_shown()
        assert.equal(2, player:get "playlist-count") -- music is no film
        local tracks = player:get "track-list"
        local sounds = {}
        for _, track in ipairs(tracks) do
            sounds[#sounds + 1] = track.type == "audio" and track.external and track or nil
        end
        assert.equal(1, #sounds)
        assert.truthy(sounds[1]["external-filename"]:find "/1/film%.de%.m4a$")
        player:command("set_property", "aid", sounds[1].id)
        player:seek(15)
        quit(player)
    end)

    local function have(player, index)
        return viewer:status(player).torrents[1].files[index].have
    end

    it("fetches the next film when this one is there and near its end", function()
        local player = start("--pause", entry(2, "fast.mp4"))
        player:until_shown()
        player:eventually("the next is here", function()
            return have(player, 3) == #by_name["film.mkv"]
        end)
        assert.truthy(have(player, 5) < 16384) -- the sample has a part of the last piece
        quit(player)
    end)

    it("plays a torrent that is on the web", function()
        local server, port = web.serve(swarm.bytes)
        local player = start("--pause", ("http://127.0.0.1:%d/moon.torrent?x=1"):format(port))
        player:until_get("playlist-count", function(n) return n == 3 end)
        player:until_shown()
        assert.equal("end.mp4", player:get "media-title")
        quit(player)
        server:close()
    end)

    it("plays an info-hash, once peers are known", function()
        local player = start("--pause", viewer.torrent(swarm).info_hash)
        player:until_get("playlist-count", function(n) return n == 3 end)
        quit(player)
    end)

    -- Keys for the menu, when it has them.
    local function choose(player, ...)
        player:command("keypress", "x")
        player:until_get("input-bindings", function(list)
            for _, each in ipairs(list) do
                if each.key == "ESC" and each.cmd:find("mare-menu", 1, true) then
                    return true
                end
            end
        end)
        for _, key in ipairs { ... } do
            player:command("keypress", key)
        end
    end

    it("lets choose another file, by keys that the user has given", function()
        loopback.write(home .. "/.config/mpv/input.conf", "x script-binding mare/files\n")
        local player = start("--pause", swarm.path)
        player:until_get("media-title", function(title) return title == "end.mp4" end)
        player:until_shown()
        choose(player, "DOWN", "DOWN", "UP", "DOWN", "ENTER")
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        assert.equal(3, player:get "playlist-count")
        player:until_shown()
        choose(player, "DOWN", "ESC")
        player:until_get("input-bindings", function(list)
            return not json.encode(list):find("mare-menu", 1, true)
        end)
        choose(player, "PGDWN", "KP_ENTER")
        player:until_get("media-title", function(title) return title == "film-sample.mp4" end)
        assert.equal(4, player:get "playlist-count") -- it was no part of it
        quit(player)
    end)

    it("takes no key of mpv's", function()
        local player = start("--pause", entry(2, "fast.mp4"))
        player:until_shown()
        for _, each in ipairs(player:get "input-bindings") do
            assert.is_nil(each.cmd:find("mare", 1, true), each.key)
        end
        quit(player)
    end)

    it("tells the engine how it is", function()
        local player = start("--pause", entry(3, "film.mkv"))
        player:until_shown()
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
        local other = viewer:another { { "other.mkv", by_name["film.mkv"] } }
        local player = start("--pause", viewer.magnet(swarm), viewer.magnet(other))
        player:until_get("playlist-count", function(n) return n == 4 end)
        player:until_get("media-title", function(title) return title == "end.mp4" end)
        player:command("playlist-play-index", 3)
        player:until_get("media-title", function(title) return title == "other.mkv" end)
        player:until_shown()
        assert.equal(4, player:get "playlist-count")
        quit(player)
        until_nothing_is_left()
    end)

    it("shares the engine with other players, which go on without it", function()
        local one = start("--pause", entry(2, "fast.mp4"))
        local two = start("--pause", entry(3, "film.mkv"))
        for _, player in ipairs { one, two } do
            player:until_shown()
        end
        local function address(player)
            return player:get "stream-open-filename":match "^http://[^/]+/[^/]+/"
        end
        assert.equal(address(one), address(two))
        quit(one)
        two:seek(15)
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
        player:until_shown()
        assert.equal("fast.mp4", player:get "media-title")
        quit(player)
    end)

    it("may be quit before it has asked for anything", function()
        local player = start("magnet:?xt=urn:btih:" .. ("ab"):rep(20))
        player:eventually("the engine is there", has_engine)
        quit(player)
        until_nothing_is_left()
    end)

    -- mpv leaves its sockets to what it starts; as long as one is open, a player seems to live.
    it("has an engine that keeps nothing open that was somebody else's", function()
        local file = home .. "/somebody's"
        local p = process.start {
            "env", "HOME=" .. home, "XDG_RUNTIME_DIR=" .. home .. "/run", "sh", "-c",
            'exec 9>"$0"; exec "$@"', file, viewers.mare, "mpv", "engine", "--bind", "127.0.0.1",
            "--port", "0", "--no-dht", "--no-lsd", "--no-portmap",
        }
        process.eventually(10, "the engine is there", has_engine)
        assert.truthy(uv.fs_stat(file))
        for fd = 0, 99 do
            assert.not_equal(file, uv.fs_readlink(("/proc/%d/fd/%d"):format(p.pid, fd)))
        end
        p:kill "sigterm"
        p:succeed(10)
    end)

    it("leaves no process and no file when it is killed", function()
        local command = mpv.at_home(home)
        command[#command + 1] = swarm.path
        local player = process.start(command)
        local seed = viewer.torrent(swarm)
        viewer:until_true(function() return seed.uploaded > 1000000 end)
        assert.truthy(viewer:strays():find "mare%-mpv%-%d+.*%.sock")
        player:kill "sigkill"
        until_nothing_is_left()
    end)

    it("gets another engine when that is killed, and nothing is left of the first", function()
        swarm:seeder().up_rate = 800000
        local player = start("--pause", entry(2, "fast.mp4"))
        player:until_shown()
        local engine = process.run { "pgrep", "-f", "mpv engine --player " .. player.path }
        process.run { "kill", "-9", (engine:match "%d+") }
        assert.truthy(viewer:strays():find "fast%.mp4")
        local other = viewer:another { { "other.mkv", by_name["film.mkv"] } }
        player:command("loadfile", viewer.magnet(other))
        player:until_get("media-title", function(title) return title == "other.mkv" end)
        player:until_shown()
        quit(player)
        until_nothing_is_left()
    end)

    it("goes on where it was left", function()
        local player = start("--pause", "--save-position-on-quit", swarm.path)
        player:until_get("playlist-count", function(n) return n == 3 end)
        player:command("playlist-play-index", 2)
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        player:until_shown()
        player:seek(12)
        quit(player)
        player = start("--pause", swarm.path)
        player:until_get("media-title", function(title) return title == "film.mkv" end)
        player:until_get("time-pos", function(at) return math.abs(at - 12) < 0.3 end)
        quit(player)
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
            "env", "-u", "XDG_CONFIG_HOME", "-u", "MPV_HOME", "HOME=" .. home, viewers.mare, ...,
        }
    end

    it("installs, again, and uninstalls without a trace", function()
        assert.equal(0, (run("mpv", "install")))
        assert.equal(0, (run("mpv", "install")))
        local where = assert(loopback.read(home .. "/.config/mpv/scripts/mare/where.lua"))
        assert.truthy(where:find(viewers.mare, 1, true))
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
