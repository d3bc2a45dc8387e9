-- The parts of mpv's script that decide and draw, without an mpv: what is a torrent, what the bar
-- shows. The player itself is in tests/interop/mpv_spec.lua.

local process = require "support.process"

local FOLDER = "lua/mpv/mare/"

-- What mpv gives its scripts, as far as these parts ask for it.
local function load(name, more)
    local modules = {
        mp = { get_property = function() return "/cwd" end },
        ["mp.utils"] = {
            file_info = function(path) return path:find "exists" and {} or nil end,
            join_path = function(a, b) return b:sub(1, 1) == "/" and b or a .. "/" .. b end,
        },
        ["mp.input"] = {},
        settings = { overlay = true, font_size = 20 },
    }
    for key, value in pairs(more or {}) do
        modules[key] = value
    end
    local environment = setmetatable({
        require = function(wanted) return assert(modules[wanted], wanted) end,
    }, { __index = _G })
    return assert(loadfile(FOLDER .. name .. ".lua", "t", environment))()
end

describe("source", function()
    local source = load "source"
    local HEX, BASE32 = ("aB0"):rep(13) .. "1", ("AB2C"):rep(8)

    local torrents = {
        { "magnet:?xt=urn:btih:1", "magnet:?xt=urn:btih:1" },
        { "/cwd/magnet:?xt=urn:btih:1&tr=http:/x/a", "magnet:?xt=urn:btih:1&tr=http://x/a" },
        { "/dir/of/m3u/magnet:?tr=udp://x:1", "magnet:?tr=udp://x:1" },
        { "MAGNET:?xt=urn:btih:1", "MAGNET:?xt=urn:btih:1" },
        { "film.torrent", "/cwd/film.torrent" },
        { "/a/FILM.TORRENT", "/a/FILM.TORRENT" },
        { "file:///a/f%20g.torrent", "/a/f g.torrent" },
        { "https://x.org/a.torrent?k=1", "https://x.org/a.torrent?k=1" },
        { HEX, HEX },
        { "/cwd/" .. HEX, HEX },
        { BASE32, BASE32 },
        { "torrent://" .. HEX .. "/2/a.mkv", "torrent://" .. HEX .. "/2/a.mkv" },
    }
    for _, each in ipairs(torrents) do
        it("takes " .. each[1], function()
            assert.equal(each[2], source.of(each[1]))
        end)
    end

    local strangers = {
        "film.mkv", "https://x.org/a.mkv", "https://x.org/?q=magnet:?xt", "a.torrent.mkv",
        "/exists/" .. HEX, "https://x.org/" .. HEX, HEX .. "0", ("ab"):rep(16), "torrent://", "",
    }
    for _, name in ipairs(strangers) do
        it("leaves '" .. name .. "' alone", function()
            assert.is_nil(source.of(name))
        end)
    end

    it("makes a playlist whose titles cannot add lines", function()
        local text = source.playlist {
            hash = HEX, files = { { index = 3, title = "a b\n#EXTM3U\nhttp://evil.mkv" } },
        }
        assert.equal("memory://#EXTM3U\n#EXTINF:-1,a b #EXTM3U http://evil.mkv\ntorrent://" .. HEX
            .. "/3/a%20b%0A%23EXTM3U%0Ahttp%3A%2F%2Fevil.mkv\n", text)
    end)
end)

describe("overlay", function()
    local overlay = load "overlay"

    local function status(more)
        local all = { name = "film", state = "downloading", peers = 2, progress = 0.5,
            down = 1500000, up = 2000 }
        for key, value in pairs(more or {}) do
            all[key] = value
        end
        return all
    end

    it("draws one box for each run, and the playhead", function()
        local boxes = overlay.bar("##--..", 0.5, 600, 50)
        assert.equal(4, #boxes)
        assert.truthy(boxes[1]:find("m 0 0 l 200 0 200 10 0 10", 1, true))
        assert.truthy(boxes[3]:find("\\pos(424,50)", 1, true))
        assert.truthy(boxes[4]:find("\\pos(323,46)", 1, true))
    end)

    it("draws nothing of nothing", function()
        assert.same({}, overlay.bar("", nil, 600, 50))
    end)

    it("says what is being done, with whom, how fast", function()
        assert.same({ "film", "fetching, 50 %",
            "2 peers    1.5 MB/s down    2 kB/s up    7 s ahead" }, overlay.lines(status(), 7.2))
        assert.equal("waiting for data, 3 s", overlay.lines(status { waiting = 3.4 })[2])
        assert.equal("asking what is in it, 0 %",
            overlay.lines(status { state = "metadata" })[2])
        assert.equal("disk full", overlay.lines(status { error = "disk full" })[2])
        assert.truthy(overlay.lines(status { peers = 0, connecting = 3 })[3]
            :find "^no peers yet, connecting to 3 ")
    end)

    it("shows names as they are: no tags, no lines of theirs", function()
        assert.equal("(/p1)a b", overlay.lines(status { name = "{\\p1}a\nb" })[1])
    end)
end)

describe("picker", function()
    local picker = load "picker"

    it("shows the part of a long list around what is chosen", function()
        assert.same({ 1, 5 }, { picker.page(5, 5) })
        assert.same({ 1, 12 }, { picker.page(40, 1) })
        assert.same({ 14, 25 }, { picker.page(40, 20) })
        assert.same({ 29, 40 }, { picker.page(40, 40) })
    end)

    it("leaves it to mpv where mpv has a list", function()
        local asked
        load("picker", { ["mp.input"] = { select = function(options) asked = options end } })
            .select("Play:", { "a", "b" }, 2, print)
        assert.same({ prompt = "Play:", items = { "a", "b" }, default_item = 2, submit = print },
            asked)
    end)
end)

describe("the whole script", function()
    after_each(process.cleanup)

    for _, language in ipairs { "lua5.1", "lua5.2", "luajit", "lua5.4" } do
        it("runs in " .. language, function()
            assert.equal("as it should be\n", process.run {
                language, "tests/support/mpv_stub.lua", "lua/mpv/mare",
            })
        end)
    end
end)
