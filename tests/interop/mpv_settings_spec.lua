-- What script-opts/mare.conf says, and that it is so: what stays on disk, how much of it, who is
-- talked to and how.

local clips = require "support.clips"
local loopback = require "support.loopback"
local process = require "support.process"
local proxies = require "support.clients.proxies"
local uv = require "luv"
local viewers = require "support.viewer"

local UNBOUND = "--port 0 --no-dht --no-lsd --no-portmap"
local FILM = 2 -- fast.mp4

describe("mpv with a mare.conf", function()
    local files, by_name, viewer, seeder, home

    setup(function() files, by_name = clips.files() end)
    before_each(function()
        viewer = viewers.new { files = files }
        seeder, home = viewer.swarm:seeder(), viewer.home
    end)
    after_each(function() viewer:close() end)

    local function start(...)
        return viewer:start(viewer:entry(FILM, files[FILM][1]), "--untimed", "--no-audio", ...)
    end

    local function play_to_end()
        assert.equal(0, start():ended())
    end

    -- Of the torrent in the engine, while the film is played.
    local function status(player)
        return viewer:status(player).torrents[1]
    end

    -- Where keep-open has it wait.
    local function until_at_end(player)
        player:until_get("eof-reached", function(is) return is end)
    end

    local function film_in(folder)
        return home .. folder .. "/moon/" .. files[FILM][1]
    end

    local function uploaded()
        return viewer.torrent(viewer.swarm).uploaded
    end

    it("deletes what it has fetched, and nothing that was there", function()
        viewer:configure "directory=~/Films"
        loopback.write(film_in "/Films" .. ".txt", "mine")
        play_to_end()
        viewer:until_engine_ends()
        assert.is_nil(uv.fs_stat(film_in "/Films"))
        assert.equal("mine", loopback.read(film_in "/Films" .. ".txt"))
    end)

    it("on_exit=keep: keeps it", function()
        viewer:configure "on_exit=keep\ndirectory=~/Films"
        play_to_end()
        viewer:until_engine_ends()
        assert.is_true(loopback.read(film_in "/Films") == by_name[files[FILM][1]])
        assert.equal("", viewer:strays())
    end)

    it("on_exit=keep: what a killed mpv has fetched is not fetched again", function()
        viewer:configure "on_exit=keep\ndirectory=~/Films"
        seeder.up_rate = 600000
        local player = start "--pause"
        player:until_shown()
        player:eventually("a part is here", function() return uploaded() > 600000 end)
        player.process:kill "sigkill"
        viewer:until_engine_ends()
        assert.equal("", viewer:strays())
        seeder.up_rate = 100000
        local before = uploaded()
        player = start "--pause"
        player:until_shown()
        assert.truthy(status(player).have > 400000)
        assert.truthy(uploaded() - before < 200000)
        seeder.up_rate = 0
        viewer:quit(player)
    end)

    it("on_exit=seed: gives as much as seed_ratio says, and ends", function()
        viewer:configure "on_exit=seed\nseed_ratio=0.25\ndirectory=~/Films"
        local player = start "--keep-open=yes"
        until_at_end(player)
        local port = viewer:status(player).port
        viewer:quit(player)
        local other = viewer.swarm:session { down_rate = 2000000 }
        local torrent = assert(other:add(viewer.swarm.bytes))
        for _, file in ipairs(torrent.files) do
            file.priority = file.index == FILM and 4 or 0
        end
        assert.is_true(viewer:has_engine())
        torrent:connect("127.0.0.1:" .. port)
        viewer:until_engine_ends()
        local share = torrent.downloaded / #by_name[files[FILM][1]]
        assert.truthy(share > 0.1 and share < 0.8, share)
        assert.is_true(loopback.read(film_in "/Films") == by_name[files[FILM][1]])
    end)

    it("max_disk=1M: no more than that lies on disk, and all of it can be seen again", function()
        viewer:configure "max_disk=1M"
        local player = start("--keep-open=yes", "--demuxer-max-back-bytes=100KiB")
        until_at_end(player)
        local film = assert(uv.fs_stat(film_in "/.cache/mare/mpv"))
        assert.equal(#by_name[files[FILM][1]], film.size)
        -- A hole is made of whole blocks of the disk: 4 of these 16 KiB may stay of each piece.
        assert.truthy(film.blocks * 512 < (1 << 20) + film.size / 4, film.blocks)
        player:seek(2)
        viewer:quit(player)
    end)

    it("memory_only=1M: nothing is written, no more is held, and all can be seen again", function()
        viewer:configure "memory_only=1M"
        local player = start("--keep-open=yes", "--demuxer-max-back-bytes=100KiB")
        until_at_end(player)
        assert.equal("", process.run { "find", home, "-path", "*/moon/*" })
        local most = viewer:status(player).memory_used
        assert.truthy(most < 2500000, most)
        player:seek(2)
        viewer:quit(player)
    end)

    it("policy=FILE: it chooses, and knows how the player is", function()
        loopback.write(home .. "/mine.lua", [[
            return { source = function(peer)
                for _, reader in ipairs(peer.torrent.readers) do
                    if (reader.health.playhead or 0) > 10 then
                        peer:ban()
                    end
                end
            end }
        ]])
        viewer:configure "policy=~/mine.lua"
        seeder.up_rate = 300000
        local player = start "--pause"
        player:until_shown()
        assert.equal(1, status(player).peers)
        player:command("seek", 20, "absolute")
        player:eventually("the policy has banned the peer", function()
            return status(player).peers == 0
        end)
        viewer:quit(player)
    end)

    it("down=, memory=: are the engine's limits", function()
        viewer:configure "down=400K\nmemory=5"
        local player = start "--pause"
        player:until_shown()
        assert.equal(5 << 20, viewer:status(player).memory)
        local began, before = uv.hrtime(), uploaded()
        player:eventually("some seconds of film", function()
            return uploaded() > before + 300000
        end)
        assert.truthy((uv.hrtime() - began) / 1e9 > 0.5)
        viewer:quit(player)
    end)

    local function seen_from()
        local from
        local player = start "--pause"
        player:eventually("a peer is there", function()
            local peer = viewer.torrent(viewer.swarm).peers[1]
            from = peer and peer.address
            return from
        end)
        player:until_shown()
        viewer:quit(player)
        return from:match "^[%d.]+"
    end

    it("bind=ADDRESS: it is the only one that is used", function()
        viewer:configure("bind=127.0.0.2", UNBOUND)
        assert.equal("127.0.0.2", seen_from())
    end)

    it("proxy=URL: peers are reached through it", function()
        viewer:configure("proxy=" .. proxies.socks5())
        assert.equal(proxies.host, seen_from())
    end)
end)
