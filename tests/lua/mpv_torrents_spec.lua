-- What the engine behind mpv does with what a player says of itself. (Real players say it in
-- tests/interop/mpv*_spec.lua.)

local loopback = require "support.loopback"
local mpv_torrents = require "mare.cli.mpv_torrents"

local series = {
    { "e1.mkv", loopback.noise(200000, 1) }, { "e2.mkv", loopback.noise(200000, 2) },
    { "e3.mkv", loopback.noise(200000, 3) }, { "trailer.mkv", loopback.noise(1000, 4) },
}

describe("a player's health", function()
    local swarm, torrents, torrent, player
    before_each(function()
        swarm = loopback.new { files = series }
        local session = swarm:session { http = true }
        torrent = assert(session:add(swarm.bytes, { paused = true }))
        swarm:until_true(function() return torrent.state ~= "checking" end)
        torrents = mpv_torrents.new(session, session.http, { on_exit = "delete" })
        player = { torrents = {}, torrent = torrent, file = torrent.files[1] }
    end)
    after_each(function() swarm:close() end)

    for _, left in ipairs { 3600, 61, -1, 0 / 0, "10" } do
        it("begins no other film when so much is left: " .. left, function()
            torrents:take_health(player, { left = left })
            assert.same({}, torrent.readers)
        end)
    end

    it("begins the next film near the end, once", function()
        torrents:take_health(player, { left = 59 })
        torrents:take_health(player, { left = 58 })
        assert.equal(1, #torrent.readers)
        assert.equal("moon/e2.mkv", torrent.readers[1].file.path)
        assert.equal(2, torrents:status(player).next)
        torrents:leave(player)
        assert.same({}, torrent.readers)
    end)

    it("begins nothing after the last", function()
        player.file = torrent.files[3]
        torrents:take_health(player, { left = 5 })
        assert.same({}, torrent.readers)
    end)

    it("is told to the readers of its film, and to no others", function()
        local one, two = torrent.files[1]:reader(), torrent.files[2]:reader()
        torrents:take_health(player, {
            cached_seconds = 3, playhead = 7, paused_for_cache = true, bitrate = 1e6, left = 600,
        })
        assert.equal(7, one.health.playhead)
        assert.is_true(one.health.paused_for_cache)
        assert.is_nil(two.health.playhead)
    end)

    it("may be nonsense", function()
        local one = torrent.files[1]:reader()
        torrents:take_health(player, {
            cached_seconds = -1, playhead = "x", paused_for_cache = 1, bitrate = math.huge,
            left = {},
        })
        assert.is_nil(one.health.playhead)
        assert.is_false(one.health.paused_for_cache)
    end)
end)
