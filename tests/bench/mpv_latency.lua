-- What a viewer waits for: mpv with our script, a swarm on loopback that stalls when told so.
--
--     make bench-mpv [MPV_RUNS=20]
--
--   status     from opening a link to the first word on it
--   quit       from the key to the end of mpv, while nobody knows what the link is
--   elsewhere  from a seek out of a stalled read until mpv's demuxer reads at the new place
--   back       from that new place, where nothing comes either, to a picture of what is cached

local clips = require "support.clips"
local process = require "support.process"
local uv = require "luv"
local viewers = require "support.viewer"

local RUNS = tonumber(os.getenv "MPV_RUNS" or "") or 20
local LINK = "magnet:?xt=urn:btih:" .. ("ab"):rep(20) .. "&dn=Film"
local STALLED = 1 -- bytes a second

local measured = { "status", "quit", "elsewhere", "back", status = {}, quit = {}, elsewhere = {},
    back = {} }

local function measure(name, f)
    local began = uv.hrtime()
    f()
    table.insert(measured[name], (uv.hrtime() - began) / 1e6)
end

local function wait_for_metadata(viewer)
    local player = viewer:start("--idle", "--no-video", "--msg-level=all=warn,statusline=status")
    measure("status", function()
        player:command("loadfile", LINK)
        player:eventually("a word", function()
            return player.process:log():find("mare: Film", 1, true)
        end)
    end)
    player:eventually("the engine is there", function() return viewer:has_engine() end)
    measure("quit", function()
        player:command "quit"
        player:ended()
    end)
    viewer:until_engine_ends()
end

local function seeks_done(player)
    return player:get "demuxer-cache-state"["debug-low-level-seeks"]
end

local function seek(viewer)
    local seeder = viewer.swarm:seeder()
    seeder.up_rate = 800000
    local player = viewer:start("--pause", "--hr-seek=yes", viewer:entry(2, "fast.mp4"))
    player:until_get("demuxer-cache-duration", function(t) return t >= 2 end)
    seeder.up_rate = STALLED
    viewer:until_waiting(player, 0.3)
    local done = seeks_done(player)
    measure("elsewhere", function()
        player:command("seek", 20, "absolute")
        player:eventually("the demuxer moves", function() return seeks_done(player) > done end)
    end)
    viewer:until_waiting(player, 0.3)
    measure("back", function() player:seek(1) end)
    seeder.up_rate = 0
    viewer:quit(player)
    viewer:until_engine_ends()
end

local function report()
    print(("%-10s %8s %8s %8s   ms, of %d runs"):format("", "median", "p95", "most", RUNS))
    for _, name in ipairs(measured) do
        local list = measured[name]
        table.sort(list)
        print(("%-10s %8.0f %8.0f %8.0f"):format(name, list[(#list + 1) // 2],
            list[math.ceil(#list * 0.95)], list[#list]))
    end
end

local files = clips.files()
for _ = 1, RUNS do
    local viewer = viewers.new { files = files }
    wait_for_metadata(viewer)
    seek(viewer)
    viewer:close()
end
report()
process.cleanup()
