-- The page of the streaming server in a real browser: it lists what there is, plays a film while it
-- is being downloaded, and draws the pieces as they come. PAGE_SHOTS=DIR keeps pictures of it.

local browser = require "support.browser"
local clips = require "support.clips"
local loopback = require "support.loopback"

local KEEP = os.getenv "PAGE_SHOTS"

-- Pixels of a canvas that are not as transparent as nothing, and how many colours they have.
local INK = [[(() => {
    const c = document.querySelector(%q);
    const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
    return new Set(d.filter(p => p >>> 24)).size;
})()]]

describe("the page", function()
    if browser.missing() then
        pending("in a browser (NOT RUN: " .. browser.missing() .. ")")
        return
    end

    local files, swarm, session, torrent, page

    setup(function() files = clips.files() end)
    before_each(function() swarm = loopback.new { files = files } end)
    after_each(function()
        if page then
            page:close()
        end
        page = nil
        swarm:close()
    end)

    local function turn() swarm:turn() end

    local function open(rate)
        session = swarm:session { http = true, down_rate = rate }
        torrent = swarm:add(session)
        swarm:until_true(function() return torrent.state == "downloading" end)
        page = browser.open(session.http.url, turn)
        page:until_true "document.querySelectorAll('.file').length"
    end

    local function shoot(name)
        if KEEP then
            page:screenshot(KEEP .. "/" .. name .. ".png")
        end
    end

    it("lists torrents and files, and what has come of them", function()
        open(2000000)
        assert.equal("moon", page:evaluate "document.querySelector('.name').textContent")
        assert.equal("4", page:evaluate "document.querySelectorAll('.file').length")
        page:until_true "document.querySelector('progress').value > 0.2"
        shoot "list"
        page:until_true "document.querySelector('progress').value === 1"
        assert.same({}, page:problems())
    end)

    it("draws the pieces while they come", function()
        open(1000000)
        page:until_true(INK:format ".map" .. " > 2")
        local early = tonumber(page:evaluate "document.querySelector('progress').value")
        page:until_true(("document.querySelector('progress').value > %g"):format(early))
        page:scheme "dark"
        page:until_true "matchMedia('(prefers-color-scheme: dark)').matches"
        shoot "dark"
        assert.is_false(torrent.done)
    end)

    it("plays a film before all of it is here", function()
        open(1500000)
        page:evaluate [[(() => {
            [...document.querySelectorAll(".file")].find(
                f => f.querySelector(".path").textContent.endsWith("fast.mp4"))
                .querySelector(".play").click();
            document.querySelector("video").muted = true;
        })()]]
        page:until_true "document.querySelector('video').currentTime > 0.5"
        assert.is_false(torrent.done)
        assert.equal("480", page:evaluate "document.querySelector('video').videoWidth")
        page:until_true(INK:format "#strip" .. " > 1")
        shoot "film"
        page:evaluate "document.querySelector('video').currentTime = 20"
        page:until_true "document.querySelector('video').currentTime > 20.2"
        page:evaluate "document.getElementById('close').click()"
        page:until_true "document.querySelector('video') === null"
        assert.same({}, page:problems())
    end)

    it("goes where its strip is clicked, on to the next film, and back by Escape", function()
        open()
        page:until_true "document.querySelector('progress').value === 1"
        page:evaluate [[(() => {
            document.querySelector(".file .play").click();
            const video = document.querySelector("video");
            video.muted = true, video.pause();
        })()]]
        page:until_true "document.querySelector('video').duration > 0"
        page:evaluate [[(() => {
            const strip = document.getElementById("strip"), box = strip.getBoundingClientRect();
            strip.dispatchEvent(new MouseEvent("click", { clientX: box.left + box.width / 2 }));
        })()]]
        page:until_true "Math.abs(document.querySelector('video').currentTime - 12) < 0.5"
        assert.equal("end.mp4", page:evaluate "document.getElementById('now').textContent")
        page:evaluate "document.getElementById('next').click()"
        assert.equal("fast.mp4", page:evaluate "document.getElementById('now').textContent")
        page:press "Escape"
        page:until_true "document.querySelector('video') === null"
        page:until_true "document.getElementById('stage').hidden"
        assert.same({}, page:problems())
    end)
end)

describe("the page, of strangers' torrents,", function()
    if browser.missing() then
        pending("in a browser (NOT RUN: " .. browser.missing() .. ")")
        return
    end

    local EVIL = "<img src=x onerror=alert(1)>"
    local swarm, session, page

    before_each(function()
        swarm = loopback.new { files = {
            { EVIL .. ".mkv", "1" }, { "Season 10/e1.mkv", "2" }, { "Season 2/e10.mkv", "3" },
            { "Season 2/e9.mkv", "4" }, { "a.txt", "5" }, { "cover.jpg", "no picture" },
        } }
        session = swarm:session { http = true }
        assert(session:add(swarm.bytes, { paused = true }))
    end)
    after_each(function()
        page:close()
        swarm:close()
    end)

    local function add_link(i, name)
        assert(session:add(("magnet:?xt=urn:btih:%040x&dn=%s"):format(i, name), { paused = true }))
    end

    local function open(torrents)
        page = browser.open(session.http.url, function() assert(session:step(0.001)) end)
        page:until_true(("document.querySelectorAll('.torrent').length === %d"):format(torrents))
        page:until_true "document.querySelectorAll('.file').length === 6"
    end

    local function texts(selector)
        local all = "[...document.querySelectorAll(%q)].map(e => e.textContent).join('|')"
        return page:evaluate(all:format(selector))
    end

    it("takes names for text, whatever they say", function()
        add_link(1, "%3Cimg%20src=x%20onerror=alert(1)%3E%3C/h2%3E"
            .. "%3Cscript%3Ealert(2)%3C/script%3E")
        add_link(2, "%22%20onclick=%22alert(3)")
        open(3)
        assert.truthy(texts ".path":find(EVIL .. ".mkv", 1, true))
        assert.truthy(texts ".name":find(EVIL .. "</h2><script>alert(2)</script>", 1, true))
        assert.equal("1", page:evaluate "document.images.length") -- ours
        assert.equal("1", page:evaluate "document.scripts.length")
        page:evaluate "document.querySelector('.file .play').click()"
        assert.equal("1", page:evaluate "document.images.length")
        assert.same({}, page:problems())
    end)

    it("lists them by folder, in natural order, and folds them when there are many", function()
        for i = 1, 40 do
            add_link(i, "film%20" .. i)
        end
        open(41)
        assert.equal("Season 2|Season 10", texts ".folder")
        assert.equal(EVIL .. ".mkv|a.txt|cover.jpg|e9.mkv|e10.mkv|e1.mkv", texts ".path")
        assert.equal("0", page:evaluate "document.querySelectorAll('details[open]').length")
        session:torrents()[41]:remove()
        page:until_true "document.querySelectorAll('.torrent').length === 40"
        assert.same({}, page:problems())
    end)

    it("asks nobody but the server for anything", function()
        add_link(1, EVIL)
        open(2)
        page:until_true "performance.getEntriesByName(location + 'status.json').length > 1"
        local requests = page:requests()
        assert.truthy(#requests > 6)
        for _, url in ipairs(requests) do
            assert.equal(session.http.url, url:sub(1, #session.http.url))
        end
    end)
end)
