-- health: what the engine has to know of the player. mpv reads far ahead, so only the player knows
-- what is urgent; and a read that waits for what is not here blocks a seek to where there is
-- something.

local engine = require "engine"
local mp = require "mp"

local health = {}

local PATIENCE = 0.1 -- seconds: a seek within what mpv has takes less
local MARGIN = 0.02 -- seconds that a message may take
local sought -- when

local function share_left()
    local length, at = mp.get_property_number "duration", mp.get_property_number "time-pos"
    return length and at and length > 0 and length - at or nil
end

local function bitrate()
    local size, length = mp.get_property_number "file-size", mp.get_property_number "duration"
    return size and length and length > 0 and size * 8 / length or nil
end

function health.cached_seconds()
    return mp.get_property_number "demuxer-cache-duration"
end

function health.is_starved()
    return mp.get_property_bool("paused-for-cache", false)
end

function health.report()
    engine.tell("mare-health", {
        cached_seconds = health.cached_seconds(), paused_for_cache = health.is_starved(),
        playhead = mp.get_property_number "time-pos", bitrate = bitrate(), left = share_left(),
    })
end

-- A read that has waited since before the seek may end; one for the new place may not.
local timer
timer = mp.add_periodic_timer(PATIENCE, function()
    if mp.get_property_bool "seeking" then
        engine.tell("mare-drop", { age = mp.get_time() - sought + MARGIN })
    else
        timer:kill()
    end
end)
timer:kill()

function health.on_seek()
    sought = mp.get_time()
    timer:kill()
    timer:resume()
end

return health
