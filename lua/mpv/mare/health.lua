-- health: what the engine has to know of the player. mpv reads far ahead, so only the player knows
-- what is urgent; and a read that waits for what is not here blocks a seek to where there is
-- something.
--
-- Such a read may be ended only when mpv's demuxer has been sent elsewhere: it takes note of that
-- after the read, whose failure then means nothing. Where a seek stays within what mpv has in its
-- cache, the same read is wanted, and ended it would be the end of the film.

local engine = require "engine"
local mp = require "mp"

local health = {}

local PATIENCE = 0.1 -- seconds between two attempts: most reads end by themselves
local ATTEMPTS, STRICT = 20, 1
local MARGIN, WIDE_MARGIN = 0.02, 0.2 -- seconds that a message, and an event, may take
local SLACK = 1 -- seconds of film that a place may lie behind where it was seen

local place -- seconds: where the film is, or will be after the seek
local known -- seeks that the demuxer has carried out, when we have looked last
local sent -- elsewhere: since when, and what was known then

local function cache()
    local state = mp.get_property_native "demuxer-cache-state" or {}
    return state, state["debug-low-level-seeks"]
end

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
    local _, count = cache()
    known = count
    if not mp.get_property_bool "seeking" then
        place = mp.get_property_number "time-pos"
    end
    engine.tell("mare-health", {
        cached_seconds = health.cached_seconds(), paused_for_cache = health.is_starved(),
        playhead = mp.get_property_number "time-pos", bitrate = bitrate(), left = share_left(),
    })
end

-- ---- seeks that are stuck --------------------------------------------------------------------

-- The stretch of mpv's cache that has this second of the film.
local function stretch(state, at)
    local list, first, last = state["seekable-ranges"] or {}, math.huge, -math.huge
    for _, each in ipairs(list) do
        first, last = math.min(first, each.start), math.max(last, each["end"])
    end
    at = state["bof-cached"] and math.max(at, first) or at
    at = state["eof-cached"] and math.min(at, last) or at
    for _, each in ipairs(list) do
        if at >= each.start and at <= each["end"] then
            return each
        end
    end
end

-- Does a seek send the demuxer elsewhere? Also one to another stretch of the cache does: it will
-- go on at its end.
function health.leaves(state, from, to)
    local there = stretch(state, to)
    if not there or not from then
        return not there
    end
    return from < there.start - SLACK
        or from > math.max(there["end"], state["cache-end"] or 0) + SLACK
end

local function is_over(state, count)
    if sent.attempts >= ATTEMPTS then
        return true
    elseif sent.count and count then
        return count > sent.count or not sent.sure and not mp.get_property_bool "seeking"
    end
    return not mp.get_property_bool "seeking" or stretch(state, place) ~= nil
end

-- A read that has waited since before the seek may end; one for the new place may not. As long as
-- the demuxer has surely not begun with that, each read is an old one, also one that got something
-- after the seek and waits again; only this may change while the message is on its way.
local function least_wait()
    if sent.sure and sent.attempts > STRICT then
        return PATIENCE
    end
    return mp.get_time() - sent.since + (sent.sure and MARGIN or WIDE_MARGIN)
end

local timer
timer = mp.add_periodic_timer(PATIENCE, function()
    local state, count = cache()
    known = count
    if is_over(state, count) then
        return timer:kill()
    end
    sent.attempts = sent.attempts + 1
    engine.tell("mare-drop", { age = least_wait() })
end)
timer:kill()

-- Whether the demuxer has done it already, we know for sure if it has done none since we looked.
function health.on_seek()
    local state, count = cache()
    local to = mp.get_property_number "time-pos"
    if to and health.leaves(state, place, to) then
        sent = { since = mp.get_time(), count = count, sure = count ~= nil and count == known,
            attempts = 0 }
        timer:kill()
        timer:resume()
    end
    place, known = to, count
end

function health.on_begin()
    timer:kill()
    place, known = nil, nil
end

return health
