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

    local function turn()
        for _, each in ipairs(swarm.sessions) do
            if each.alive then
                assert(each:step(0.001))
            end
        end
    end

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
end)
