-- The commands that give torrents to players. The player is a script of a few lines, which writes
-- down how it was started; real ones are in tests/interop/player_spec.lua.

local command = require "support.command"
local http_client = require "support.http_client"
local loopback = require "support.loopback"
local process = require "support.process"

local series = {
    { "e10.mkv", loopback.noise(40000, 1) },
    { "e2.mkv", loopback.noise(41000, 2) },
    { "e2.en.srt", "2" },
    { "e10.srt", "10" },
    { "trailer.mkv", loopback.noise(1000, 3) },
    { "sample/e2.mkv", loopback.noise(39000, 4) },
    { "big.iso", loopback.noise(90000, 5) },
}

describe("mare", function()
    local swarm, folder

    before_each(function()
        swarm = loopback.new { files = series }
        folder = swarm.root
    end)
    after_each(function()
        http_client.close_all()
        process.cleanup()
        swarm:close()
    end)

    local function start(...)
        local words = { ... }
        table.move(command.alone, 1, #command.alone, #words + 1, words)
        return command.start(swarm, table.unpack(words))
    end

    local function finish(p)
        return command.finish(swarm, p)
    end

    local function until_said(p, pattern)
        return command.until_said(swarm, p, pattern)
    end

    local function seeder()
        return "127.0.0.1:" .. swarm:seeder().port
    end

    -- A player called `name`, which says what it was started with, and then does `what`.
    local function player(name, what)
        local path = folder .. "/bin/" .. name
        loopback.write(path, '#!/bin/sh\nprintf "%s\\n" "$@" >' .. folder .. "/words\n" .. what)
        assert(os.execute("chmod +x " .. path))
        return path
    end

    local function words()
        local list = {}
        for word in (loopback.read(folder .. "/words") or ""):gmatch "[^\n]+" do
            list[#list + 1] = word
        end
        return list
    end

    local function names_in(list)
        local names = {}
        for _, word in ipairs(list) do
            local name = word:match "/(%d+/[^/]+)$"
            names[#names + 1] = name and word:match "^%-%-sub" and "sub " .. name or name
        end
        return names
    end

    local function cache_is_empty()
        return not io.open(folder .. "/.cache/mare")
    end

    -- The second film, as `mare serve --json` gives it.
    local function second_film(p)
        local port, path = until_said(p,
            '"path":"moon/e2.mkv","url":"http://127.0.0.1:(%d+)(/[^"]+)"')
        local client = http_client.open(tonumber(port))
        client:get(path)
        local answer
        swarm:until_true(function()
            http_client.turn()
            answer = client:answer()
            return answer
        end)
        return answer.body
    end

    describe("serve", function()
        it("says the addresses, gives the files, and stays until it is told to end", function()
            local p = start("serve", "moon.torrent", "-o", "got", "--peer", seeder(), "--json")
            assert.is_true(second_film(p) == series[2][2])
            p:kill "sigterm"
            local status, out = finish(p)
            assert.equal(130, status)
            assert.truthy(out:find '"event":"interrupted"')
        end)

        it("writes nothing where it is told to, and gives the same", function()
            local p = start("serve", "moon.torrent", "-o", "got", "--peer", seeder(), "--json",
                "--memory-only", "4M")
            assert.is_true(second_film(p) == series[2][2])
            p:kill "sigterm"
            assert.equal(130, (finish(p)))
            assert.is_nil(io.open(folder .. "/got/moon/e2.mkv"))
        end)

        it("tells people of the page, the playlist and its media", function()
            local p = start("serve", "moon.torrent", "-o", "data", "--token", "mine")
            local out = until_said(p, "(.*e10.mkv\n)")
            assert.truthy(out:find "page: http://127.0.0.1:%d+/mine/\n")
            assert.truthy(out:find "playlist  http://127.0.0.1:%d+/mine/%x+.m3u\n")
            assert.is_nil(out:find("big.iso", 1, true))
        end)

        it("wants a torrent, and a token of plain letters", function()
            local status, _, err = finish(start "serve")
            assert.equal(2, status)
            assert.truthy(err:find "SOURCE is missing")
            status, _, err = finish(start("serve", "moon.torrent", "--token", "a/b"))
            assert.equal(2, status)
            assert.truthy(err:find "a token is 1 to 64 letters")
        end)

        it("fails where the port is taken", function()
            local server = assert(swarm:session():serve())
            local status, _, err = finish(start("serve", "moon.torrent", "--http-port",
                tostring(server.port)))
            assert.equal(1, status)
            assert.truthy(err:find "cannot listen on 127.0.0.1")
        end)
    end)

    describe("play", function()
        it("starts the player with what belongs together, and keeps nothing", function()
            local mpv = player("mpv", "exit 0")
            local status, out, err = finish(start("play", "moon.torrent", "--player", mpv,
                "--peer", seeder()))
            assert.equal(0, status, err)
            assert.truthy(out:find "playing moon/e2.mkv")
            assert.same({ "sub 2/e2.en.srt", "3/e2.mkv", "sub 5/e10.srt", "4/e10.mkv" },
                names_in(words()))
            assert.is_true(cache_is_empty())
        end)

        it("knows that other players take one address, with the options they were given", function()
            local other = player("other", "exit 0")
            assert.equal(0, (finish(start("play", "moon.torrent", "--player", other .. " -f --x=y",
                "--file", "3", "--peer", seeder()))))
            assert.same({ "-f", "--x=y" }, { table.unpack(words(), 1, 2) })
            assert.same({ "3/e2.mkv" }, names_in(words()))
        end)

        it("gives a playlist to those who know what that is", function()
            local album = loopback.new { files = { { "a.mp3", "la" }, { "b.mp3", "lala" } } }
            for _, name in ipairs { "ffplay", "vlc" } do
                assert.equal(0, (finish(start("play", album.path, "--player",
                    player(name, "exit 0")))))
                assert.truthy(words()[1]:find(name == "vlc" and "%.m3u$" or "/1/a%.mp3$"))
            end
            album:close()
        end)

        it("shows on a terminal how far it is, and wipes that; nothing elsewhere", function()
            local slow = player("mpv", "sleep 0.6")
            local p = start("play", "moon.torrent", "--player", slow, "--peer", seeder())
            local status, out, errors = finish(p)
            assert.equal(0, status)
            assert.is_nil((out .. errors):find "[\27\r]")
            swarm:seeder().up_rate = 60000
            p = command.start_on_terminal(swarm, "play", "moon.torrent", "--player", slow, "--peer",
                seeder(), table.unpack(command.alone))
            status, out = finish(p)
            assert.equal(0, status, out)
            assert.truthy(out:find "\r\27%[Kmoon  %d+%.?%d* ?%% of [^\r]* 1 peer", out)
            assert.equal("\r\27[K", out:sub(-4))
            assert.is_true(cache_is_empty())
        end)

        it("keeps what it downloads where it is told to, and only that", function()
            local url = "$(tail -n 1 " .. folder .. "/words)"
            local other = player("other", "until [ -s " .. folder .. "/got/moon/e2.mkv ]; do "
                .. "sleep 0.02; done; : " .. url)
            assert.equal(0, (finish(start("play", "moon.torrent", "--player", other, "--file", "3",
                "--peer", seeder(), "-o", "got"))))
            assert.truthy(loopback.read(folder .. "/got/moon/e2.mkv"))
            assert.is_nil(loopback.read(folder .. "/got/moon/big.iso"))
        end)

        it("fails when the player fails, or is not there", function()
            local status, _, err = finish(start("play", "moon.torrent", "--player",
                player("mpv", "exit 3")))
            assert.equal(1, status)
            assert.truthy(err:find "mpv ended with status 3")
            status, _, err = finish(start("play", "moon.torrent", "--player", "no-such-player"))
            assert.equal(1, status)
            assert.truthy(err:find "cannot start no%-such%-player: No such file")
            assert.is_true(cache_is_empty())
        end)

        it("fails for a file that is not there", function()
            local status, _, err = finish(start("play", "moon.torrent", "--file", "99"))
            assert.equal(1, status)
            assert.truthy(err:find "moon has no file 99")
        end)

        it("ends its player when it is told to end, also one that does not want to", function()
            local mpv = player("mpv", "trap '' TERM\necho $$ >" .. folder .. "/pid\n"
                .. "while :; do sleep 0.1; done")
            local p = start("play", "moon.torrent", "--player", mpv, "--peer", seeder())
            swarm:until_true(function() return loopback.read(folder .. "/pid") end)
            p:kill "sigterm"
            assert.equal(130, (finish(p)))
            local pid = tonumber(loopback.read(folder .. "/pid"))
            assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
            assert.is_true(cache_is_empty())
        end)

        it("sweeps what a crash has left behind, and not what others use", function()
            local mpv = player("mpv", "exit 0")
            loopback.write(folder .. "/.cache/mare/play.99999999/x", "old")
            loopback.write(folder .. "/.cache/mare/play.1/x", "in use")
            loopback.write(folder .. "/.cache/mare/mine/x", "not ours")
            assert.equal(0, (finish(start("play", "moon.torrent", "--player", mpv))))
            assert.is_nil(loopback.read(folder .. "/.cache/mare/play.99999999/x"))
            assert.equal("in use", loopback.read(folder .. "/.cache/mare/play.1/x"))
            assert.equal("not ours", loopback.read(folder .. "/.cache/mare/mine/x"))
        end)

        it("killed in the middle of a film leaves what the next one sweeps", function()
            local mpv = player("mpv", "echo $$ >" .. folder .. "/pid\nexec sleep 60")
            local p = start("play", "moon.torrent", "--player", mpv, "--peer", seeder())
            local scratch = ("%s/.cache/mare/play.%d"):format(folder, p.pid)
            swarm:until_true(function()
                return loopback.read(scratch .. "/moon/e2.mkv") and loopback.read(folder .. "/pid")
            end)
            p:kill "sigkill"
            finish(p)
            assert(os.execute("kill " .. loopback.read(folder .. "/pid")))
            assert.truthy(loopback.read(scratch .. "/moon/e2.mkv"))
            loopback.write(folder .. "/.cache/mare/film.mkv", "mine")
            loopback.write(folder .. "/moon/e2.mkv", "mine, too")
            assert(os.execute(("ln -s '%s/moon' '%s/.cache/mare/play.99999998'")
                :format(folder, folder)))
            assert.equal(0, (finish(start("play", "moon.torrent", "--player",
                player("mpv", "exit 0"), "--peer", seeder()))))
            assert.is_nil(io.open(scratch))
            assert.equal("mine", loopback.read(folder .. "/.cache/mare/film.mkv"))
            assert.equal("mine, too", loopback.read(folder .. "/moon/e2.mkv"))
        end)

        it("plays a magnet link when its metadata is there", function()
            local torrent = swarm:seeder():torrents()[1]
            local link = ("magnet:?xt=urn:btih:%s&x.pe=%s"):format(torrent.info_hash, seeder())
            local status, out, err = finish(start("play", link, "--player", player("mpv", "exit 0"),
                "--json"))
            assert.equal(0, status, err)
            assert.truthy(out:find '"event":"playing".*"path":"moon/e2.mkv"')
            assert.equal(4, #names_in(words()))
        end)

        it("may be ended while it waits for metadata", function()
            local p = start("play", "magnet:?xt=urn:btih:" .. ("1"):rep(40), "--player", "true",
                "--json")
            until_said(p, '"event":"progress"')
            p:kill "sigint"
            assert.equal(130, (finish(p)))
            assert.is_true(cache_is_empty())
        end)
    end)
end)
