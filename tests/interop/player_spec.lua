-- Real players and tools read films from the streaming server while the torrent is still being
-- downloaded: curl, ffprobe, ffmpeg, mpv.

local clips = require "support.clips"
local command = require "support.command"
local loopback = require "support.loopback"
local mpv = require "support.mpv"
local process = require "support.process"
local uv = require "luv"

local NAMES = { "end.mp4", "fast.mp4", "film.mkv" }

describe("over HTTP", function()
    local files, swarm, session, torrent

    setup(function() files = clips.files() end)
    before_each(function() swarm = loopback.new { files = files } end)
    after_each(function()
        process.cleanup()
        swarm:close()
    end)

    local function turn()
        uv.run "nowait"
        swarm:turn()
    end

    -- Downloads at so many bytes per second: at first nothing is there.
    local function serve(rate)
        session = swarm:session { http = true, down_rate = rate }
        torrent = swarm:add(session)
        swarm:until_true(function() return torrent.state == "downloading" end)
    end

    local function file_named(name)
        return loopback.file_named(torrent, name)
    end

    local function bytes_of(name)
        for _, file in ipairs(files) do
            if file[1] == name then
                return file[2]
            end
        end
    end

    local function finish(words)
        local p = process.start(words)
        swarm:until_true(function() return not p:running() end)
        return p.status, p:output(), p:log()
    end

    describe("curl", function()
        it("fetches a file, the rest of a file, and a piece of it", function()
            serve(4000000)
            local film, out = bytes_of "film.mkv", swarm.root .. "/out"
            local url = file_named "film.mkv".url
            assert.equal(0, (finish { "curl", "-sSf", "-r", "500000-599999", "-o", out, url }))
            assert.is_true(loopback.read(out) == film:sub(500001, 600000))
            assert.equal(0, (finish { "curl", "-sSf", "-r", "-1000", "-o", out, url }))
            assert.is_true(loopback.read(out) == film:sub(-1000))
            loopback.write(out, film:sub(1, 100000))
            assert.equal(0, (finish { "curl", "-sSf", "-C", "-", "-o", out, url }))
            assert.is_true(loopback.read(out) == film)
        end)

        it("asks for the head, and for what is beyond the end", function()
            serve(4000000)
            local url = file_named "film.mkv".url
            local status, head = finish { "curl", "-sSfI", url }
            assert.equal(0, status)
            assert.truthy(head:find("Content-Length: " .. #bytes_of "film.mkv", 1, true))
            assert.equal(22, (finish { "curl", "-sSf", "-r", "99999999-", url }))
        end)
    end)

    for _, name in ipairs(NAMES) do
        it("ffprobe reads the head of " .. name .. " long before all of it is here", function()
            serve(1500000)
            local status, out, log = finish {
                "ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_type",
                "-of", "csv", file_named(name).url,
            }
            assert.equal(0, status, log)
            assert.truthy(out:find("format," .. clips.seconds, 1, true))
            assert.truthy(out:find "stream,video.*stream,audio")
            assert.is_false(torrent.done)
        end)

        it("ffmpeg decodes every frame of " .. name, function()
            serve(4000000)
            local status, out, log = finish {
                "ffmpeg", "-nostdin", "-v", "error", "-progress", "-", "-i", file_named(name).url,
                "-map", "0:v", "-f", "null", "-",
            }
            assert.equal(0, status, log)
            assert.equal("", log:sub(#out + 1))
            assert.equal(clips.frames, tonumber(out:match ".*frame=(%d+)"))
        end)

        it("mpv plays " .. name .. " to its end", function()
            serve(4000000)
            local player = mpv.start({ "--no-audio", "--untimed", file_named(name).url }, turn)
            assert.equal(0, player:ended())
        end)

        it("mpv seeks in " .. name .. ": far, back, three times fast", function()
            serve(2000000)
            local player = mpv.start({ "--pause", "--hr-seek=yes", file_named(name).url }, turn)
            player:until_get("time-pos", function(t) return t >= 0 end)
            for _, to in ipairs { 20, 3 } do
                player:command("seek", to, "absolute")
                player:until_get("time-pos", function(t) return math.abs(t - to) < 0.2 end)
            end
            for _, to in ipairs { 6, 22, 12 } do
                player:command("seek", to, "absolute")
            end
            player:until_get("time-pos", function(t) return math.abs(t - 12) < 0.2 end)
            player:until_get("seeking", function(is) return is == false end)
            player:command "quit"
            assert.equal(0, player:ended())
        end)
    end

    it("mpv plays the playlist, and shows subtitles of the torrent", function()
        serve(8000000)
        local player = mpv.start({
            "--sub-file=" .. file_named "film.srt".url, "--no-audio", "--start=7",
            "--pause", torrent.playlist_url,
        }, turn)
        assert.equal(3, player:until_get("playlist-count", function(n) return n == 3 end))
        player:until_get("sub-text", function(text) return text == "second" end)
        assert.equal("end.mp4", player:get "playlist/0/title")
        player:command "quit"
        player:ended()
    end)

    -- The parts of the film that a program has read, in hundredths.
    local function read_by(words)
        local parts, p = {}, process.start(words)
        swarm:until_true(function()
            for _, reader in ipairs(torrent.readers) do
                parts[reader.position * 100 // reader.length] = true
            end
            return not p:running()
        end)
        assert.equal(0, p.status, p:log())
        assert.equal("", p:log():gsub("%s", ""))
        return parts
    end

    -- What comes at 22 of 24 seconds lies behind nine tenths of the file.
    local function assert_jumped(parts)
        assert.truthy(parts[0] and (parts[93] or parts[94] or parts[95]))
        assert.is_nil(parts[40] or parts[50] or parts[60] or parts[70])
    end

    it("VLC plays, from where it is told to", function()
        serve(4000000)
        assert_jumped(read_by {
            "env", "HOME=" .. swarm.root, "cvlc", "-q", "--vout", "dummy", "--aout", "dummy",
            "--play-and-exit", "--start-time=22", file_named "end.mp4".url,
            user = 65534, -- it does not let root in
        })
    end)

    it("ffplay plays, from where it is told to", function()
        serve(4000000)
        assert_jumped(read_by {
            "env", "SDL_VIDEODRIVER=dummy", "SDL_AUDIODRIVER=dummy", "ffplay", "-v", "error",
            "-autoexit", "-ss", "22", file_named "end.mp4".url,
        })
    end)

    it("a player that is stuck in a seek is released by dropping what waits", function()
        serve(1500000)
        local player = mpv.start({ "--pause", file_named "fast.mp4".url }, turn)
        player:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
        torrent:pause() -- the swarm stalls
        player:command("seek", 20, "absolute")
        player:until_get("seeking", function(is) return is end)
        player:eventually("a reader waits", function()
            return session.http:drop(torrent) > 0
        end)
        player:command("seek", 0, "absolute")
        player:until_get("seeking", function(is) return not is end)
        player:command "quit"
        player:ended()
    end)

    it("readers of players that were killed go", function()
        serve(500000)
        local player = mpv.start({ "--pause", file_named "end.mp4".url }, turn)
        player:eventually("it reads", function() return session.http.connections > 0 end)
        player.process:kill "sigkill"
        player:ended()
        swarm:until_true(function() return session.http.connections == 0 end)
    end)

    it("mare play shows a film with mpv, and leaves nothing behind", function()
        local seeder = swarm:seeder()
        local p = command.start(swarm, "play", swarm.path,
            "--player", "mpv --no-config --vo=null --ao=null --untimed --no-audio",
            "--peer", "127.0.0.1:" .. seeder.port, "--json", table.unpack(command.alone))
        local status, out = command.finish(swarm, p)
        assert.equal(0, status, p:log())
        assert.truthy(out:find '"event":"playing"')
        assert.truthy(out:find '"event":"done"')
        assert.is_nil(io.open(swarm.root .. "/.cache/mare"))
    end)

    -- The socket that mare and its mpv use.
    local function socket_of(pid)
        local runtime = os.getenv "XDG_RUNTIME_DIR" or os.getenv "TMPDIR" or "/tmp"
        return ("%s/mare-mpv-play-%d.sock"):format(runtime, pid)
    end

    it("mare play has its mpv released from what a seek has turned away from", function()
        local seeder = swarm:seeder()
        seeder.up_rate = 800000
        local stale = socket_of(99999999)
        loopback.write(stale, "")
        local p = command.start(swarm, "play", swarm.path, "--file", "2", "--player",
            "mpv --no-config --vo=null --ao=null --pause", "--peer", "127.0.0.1:" .. seeder.port,
            table.unpack(command.alone))
        local player = mpv.attach(socket_of(p.pid), p, turn)
        assert.is_nil(uv.fs_stat(stale))
        local function seeks_done()
            return player:get "demuxer-cache-state"["debug-low-level-seeks"]
        end
        player:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
        seeder.up_rate = 1 -- byte a second
        player:command("seek", 20, "absolute")
        player:eventually("its demuxer is elsewhere", function() return seeks_done() > 0 end)
        seeder.up_rate = 0
        player:seek(20)
        player:command "quit"
        assert.equal(0, player:ended())
        assert.is_nil(uv.fs_stat(player.path))
        assert.is_nil(uv.fs_stat(swarm.root .. "/.cache/mare"))
    end)
end)
