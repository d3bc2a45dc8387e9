-- mpv_stub: runs the whole mpv script without an mpv, in any Lua that an mpv may have (5.1, 5.2,
-- LuaJIT), and as in an mpv that is newer than the one that is installed: with user-data and
-- mp.input.select. Started by tests/lua/mpv_script_spec.lua; raises where something is not as it
-- should be. In the words that all Luas know.

local folder = arg[1]
package.path = folder .. "/?.lua;" .. package.path

local HASH = ("ab"):rep(20)
local LINK = "magnet:?xt=urn:btih:" .. HASH .. "&dn=A+Film%21"

local function equal(wanted, is, what)
    if wanted ~= is then
        error(("%s: %s, not %s"):format(what, tostring(is), tostring(wanted)), 2)
    end
end

-- ---- the player that is none -----------------------------------------------------------------

local properties, hooks, events, messages, bindings = {}, {}, {}, {}, {}
local said, sent, asked, overlays, timers, now = {}, {}, {}, {}, {}, 0

local mp = {}
package.loaded.mp = mp
package.loaded["mp.msg"] = { log = function() end, warn = function() end }
package.loaded["mp.options"] = {
    read_options = function(options, name)
        equal("mare", name, "the name of the options")
        options.up, options.policy, options.max_disk = "500K", "~/p.lua", "2G"
        options.arguments = "--no-dht  --no-lsd"
    end,
}
package.loaded["mp.utils"] = {
    getpid = function() return 7 end,
    file_info = function() return nil end,
    join_path = function(a, b) return b:sub(1, 1) == "/" and b or a .. "/" .. b end,
    parse_json = function(value) return value end, -- what the script says stays a table here
    format_json = function(value) return value end,
}
package.loaded["mp.input"] = { select = function(options) asked.select = options end }

function mp.get_property_native(name) return properties[name] end
function mp.get_property(name, default)
    local value = properties[name]
    return value == nil and default or value
end
mp.get_property_number, mp.get_property_bool = mp.get_property, mp.get_property
function mp.set_property_native(name, value) properties[name] = value end
mp.set_property = mp.set_property_native
function mp.add_hook(name, priority, f)
    hooks[name] = f
    assert(priority < 10, "before ytdl_hook")
end
function mp.register_event(name, f) events[name] = f end
function mp.register_script_message(name, f) messages[name] = f end
function mp.add_key_binding(key, name, f)
    equal(nil, key, "a key of mpv's")
    bindings[name] = f
end
function mp.osd_message(text) said[#said + 1] = text end
function mp.commandv(...) sent[#sent + 1] = { ... } end
function mp.command_native(command) asked.engine = command end
function mp.command_native_async(command, f) asked.open, asked.answer = command, f end
function mp.create_osd_overlay()
    local overlay = { update = function() end }
    function overlay.update(self) overlays.data = self.data end
    function overlay.remove() overlays.data = nil end
    return overlay
end
function mp.add_periodic_timer(seconds, f)
    local timer = { on = true, seconds = seconds, f = f }
    function timer.kill(self) self.on = false end
    function timer.resume(self) self.on = true end
    timers[#timers + 1] = timer
    return timer
end
function mp.get_time() return now end
function mp.get_script_name() return "mare" end

local function has(list, ...)
    local wanted = table.concat({ ... }, "\1")
    return ("\1" .. table.concat(list, "\1") .. "\1"):find("\1" .. wanted .. "\1", 1, true)
end

local function last_sent()
    return sent[#sent] or {}
end

-- ---- a torrent is opened ---------------------------------------------------------------------

properties["playlist/0/filename"], properties["force-window"] = LINK, "no"
properties["user-data"], properties["working-directory"] = {}, "/cwd"
dofile(folder .. "/main.lua")
equal("immediate", properties["force-window"], "force-window")

local continued
local hook = { defer = function() continued = false end, cont = function() continued = true end }

local function load(name)
    properties["stream-open-filename"] = name
    hooks.on_load(hook)
end

load "/somewhere/film.mkv"
equal(nil, continued, "somebody else's file is deferred")

load("/cwd/" .. LINK)
equal(false, continued, "the hook waits")
equal("mare: A Film!, asking what is in it, 0 %, no peers yet    0 kB/s down    0 kB/s up",
    said[1], "the first word")
equal("A Film!", properties["user-data/mare/status"].name, "user-data")
assert(overlays.data:find("A Film!", 1, true), "the overlay")
assert(asked.engine.detach and has(asked.engine.args, "mpv", "engine"))
assert(has(asked.engine.args, "--up", "500K") and has(asked.engine.args, "--max-disk", "2G"))
assert(has(asked.engine.args, "--policy", "~/p.lua") and has(asked.engine.args, "--no-lsd"))
assert(asked.open.playback_only and has(asked.open.args, "--", LINK))
assert(has(asked.open.args, "--player", properties["input-ipc-server"]))

local all = {
    { index = 1, path = "a/one.mkv", length = 5e6 }, { index = 3, path = "a/two.mkv", length = 1 },
}
asked.answer(true, { status = 0, stdout = {
    hash = HASH, name = "a", all = all, files = { { index = 1, title = "one.mkv" } },
} })
equal(true, continued, "the hook goes on")
equal("memory://#EXTM3U\n#EXTINF:-1,one.mkv\ntorrent://" .. HASH .. "/1/one.mkv\n",
    properties["stream-open-filename"], "the playlist")

properties["sub-files"] = { "mine.srt" }
load("torrent://" .. HASH .. "/1/one.mkv")
asked.answer(true, { status = 0, stdout = {
    hash = HASH, url = "http://x/1", title = "one.mkv", index = 1, all = all,
    subtitles = { "http://x/2" }, audio = {},
} })
equal("http://x/1", properties["stream-open-filename"], "the address")
equal("http://x/2", properties["file-local-options/sub-files"][2], "subtitles")
equal("mpv 7", properties["file-local-options/user-agent"], "its name")
equal("0", properties["file-local-options/stream-lavf-o"].reconnect, "reconnect")

-- ---- it plays --------------------------------------------------------------------------------

messages["mare-engine"] "ipc-1"
properties["time-pos"], properties.duration, properties["file-size"] = 10, 100, 1e6
properties["demuxer-cache-duration"], properties["paused-for-cache"] = 4, false
local status = { name = "one.mkv", state = "downloading", peers = 1, progress = 0.5, cells = "#-." }
messages["mare-status"](status)
equal("mare-health", last_sent()[3], "the engine is told")
equal(10, last_sent()[4].playhead, "the playhead")
equal(90, last_sent()[4].left, "what is left")
equal(80000, last_sent()[4].bitrate, "bits per second")

events["playback-restart"]()
equal(nil, overlays.data, "the overlay goes with the first frame")
equal("no", properties["force-window"], "force-window")
bindings.status()
assert(overlays.data:find("fetching, 50 %%"), "the overlay comes by key")
bindings.status()
equal(nil, overlays.data, "and goes by key")
properties["paused-for-cache"] = true
messages["mare-status"](status)
assert(overlays.data, "and comes when there is nothing to play")
properties["paused-for-cache"] = false
messages["mare-status"](status)
equal(nil, overlays.data, "as long as that lasts")

status.error, said = "the disk is full", {}
messages["mare-status"](status)
messages["mare-status"](status)
equal(1, #said, "trouble is told once")

-- ---- seeks -----------------------------------------------------------------------------------

local health = require "health"
local function cache(more)
    local list = { { start = 20, ["end"] = 30 }, { start = 0, ["end"] = 9 } }
    local state = { ["seekable-ranges"] = list }
    for key, value in pairs(more or {}) do
        state[key] = value
    end
    return state
end
local seeks = { -- from, to, does it leave?
    { 5, 2, false }, { 5, 25, true }, { 5, 15, true }, { 25, 21, false }, { 25, 5, true },
    { 10, 5, false }, { 15, 5, true }, { nil, 5, false }, { nil, 15, true },
}
for i, each in ipairs(seeks) do
    equal(each[3], health.leaves(cache(), each[1], each[2]), "seek " .. i)
end
equal(false, health.leaves(cache { ["cache-end"] = 12 }, 12.5, 5), "behind the last key frame")
equal(false, health.leaves(cache { ["bof-cached"] = true }, 5, -1), "before the beginning")
equal(false, health.leaves(cache { ["eof-cached"] = true }, 25, 99), "behind the end")

local function drops(name)
    local count = 0
    for _, each in ipairs(sent) do
        count = count + (each[3] == name and 1 or 0)
    end
    return count
end

properties["demuxer-cache-state"] = cache { ["debug-low-level-seeks"] = 1 }
messages["mare-status"](status)
properties["time-pos"], now = 50, 100
events.seek()
now = 100.1
timers[1].f()
equal("mare-drop", last_sent()[3], "what is stuck is told")
assert(last_sent()[4].age > 0.1 and last_sent()[4].age < 0.2, "and since when")
properties["demuxer-cache-state"]["debug-low-level-seeks"] = 2
timers[1].f()
equal(1, drops "mare-drop", "until the demuxer has moved")
equal(false, timers[1].on, "the timer")

-- ---- another file ----------------------------------------------------------------------------

bindings.files()
equal(2, #asked.select.items, "the list")
equal(1, asked.select.default_item, "what is played")
asked.select.submit(2)
equal("playlist-play-index", last_sent()[1], "the choice")

-- ---- nobody waits any more; it goes wrong ----------------------------------------------------

events["end-file"]()
load(LINK)
asked.answer(true, { killed_by_us = true, status = -1 })
equal(true, continued, "mpv wanted something else")
equal(LINK, properties["stream-open-filename"], "and is left alone")
load(LINK)
asked.answer(true, { status = 130, stdout = "", stderr = "" }) -- Ctrl-C reached it first
equal(LINK, properties["stream-open-filename"], "and is left alone")
load(LINK)
asked.answer(true, { status = 1, stdout = "", stderr = "mare: it is broken\n" })
equal("mare: it is broken", said[#said], "what went wrong")
equal("memory://", properties["stream-open-filename"], "nobody looks for a file of that name")
print "as it should be"
