-- mare: mpv plays torrents. `mpv 'magnet:?...'`, a .torrent (file or address), an info-hash.
--
-- A torrent becomes a playlist in its own place: one entry torrent://HASH/INDEX/NAME for each
-- film, so that mpv remembers by it where one has stopped. Such an entry is opened as an address
-- of the engine's HTTP server, with the torrent's subtitles. The engine is another process
-- (engine.lua).
--
-- Key bindings, none of which has a key by default (input.conf: `x script-binding mare/status`):
-- mare/status shows or hides what goes on; mare/files chooses another file. The same are
-- messages: `script-message mare-show`, `mare-files`.

local engine = require "engine"
local health = require "health"
local mp = require "mp"
local msg = require "mp.msg"
local overlay = require "overlay"
local picker = require "picker"
local settings = require "settings"
local source = require "source"
local utils = require "mp.utils"

local known = {} -- hash -> what the engine has told of the torrent
local playing -- the file, as the engine has answered; nil: something else is played
local opening -- since when, until the first frame
local trouble, noted -- of the torrent, as it was said
local last -- the status that came last

-- For skins and other scripts, where mpv has such properties (0.36).
local has_user_data = mp.get_property_native "user-data" ~= nil

local function publish(name, value)
    if has_user_data then
        mp.set_property_native("user-data/mare/" .. name, value)
    end
end

local function say(text, level)
    mp.osd_message("mare: " .. text, 5)
    msg.log(level or "info", text)
end

-- Where there is no window (yet), the terminal has the same in one line.
local function show_without_window(status)
    if opening and not mp.get_property_bool "vo-configured" then
        mp.osd_message("mare: " .. table.concat(overlay.lines(status), ", "), 1)
    end
end

local function show(status)
    last = status
    status.opening = opening and mp.get_time() - opening
    local at, length = mp.get_property_number "time-pos", mp.get_property_number "duration"
    local share = at and length and length > 0 and math.min(1, math.max(0, at / length)) or nil
    overlay.want("starved", health.is_starved())
    overlay.update(status, health.cached_seconds(), share)
    show_without_window(status)
    publish("status", status)
end

-- Nothing is as silent as a program without a window: with a torrent on the command line, it is
-- there before the film is.
local window -- what force-window was

local function open_window()
    local first = source.of(mp.get_property("playlist/0/filename", ""))
    if first and settings.window and mp.get_property "vid" ~= "no" then
        window = mp.get_property "force-window"
        mp.set_property("force-window", "immediate")
    end
end

local function leave_window_to_mpv()
    if window then
        mp.set_property("force-window", window)
        window = nil
    end
end

-- ---- opening ---------------------------------------------------------------------------------

local function set_local(name, value)
    mp.set_property_native("file-local-options/" .. name, value)
end

-- A dropped connection is not taken up again where a seek has left it; what comes over HTTP is
-- buffered as from a network, although it comes from this machine; and the engine tells two players
-- of one film apart by their names.
local function set_stream_options()
    local options = mp.get_property_native "stream-lavf-o" or {}
    options.reconnect = "0"
    set_local("stream-lavf-o", options)
    set_local("cache", "yes")
    set_local("user-agent", "mpv " .. utils.getpid())
    if (mp.get_property_native "script-opts" or {})["ytdl_hook-try_ytdl_first"] == "yes" then
        set_local("ytdl", false)
    end
end

local function append(name, more)
    local list = mp.get_property_native(name) or {}
    for _, each in ipairs(more or {}) do
        list[#list + 1] = each
    end
    set_local(name, list)
end

local function play(answer)
    playing, known[answer.hash] = answer, answer
    set_stream_options()
    append("sub-files", answer.subtitles)
    append("audio-files", answer.audio)
    set_local("force-media-title", answer.title)
    mp.set_property("stream-open-filename", answer.url)
end

local function expand(answer)
    known[answer.hash] = answer
    mp.set_property("stream-open-filename", source.playlist(answer))
end

-- All is said: mpv would look for a file of that name, and yt-dlp for a page.
local function refuse(text)
    say(text, "error")
    mp.set_property("stream-open-filename", "memory://")
end

-- The engine has told; nil: mpv wants something else.
local function take(answer)
    if not answer then
        return
    elseif answer.error then
        refuse(answer.error)
    elseif answer.url then
        play(answer)
    else
        expand(answer)
    end
end

-- `mare play` is the engine, and gives mpv addresses.
local function is_of_our_parent(name)
    return settings.attached ~= "" and name:sub(1, #settings.attached) == settings.attached
end

local function play_attached(url)
    playing, opening = { url = url }, mp.get_time()
    overlay.want("opening", true)
    set_stream_options()
    engine.tell("mare-file", { url = url })
end

local function on_load(hook)
    local name = mp.get_property("stream-open-filename", "")
    local wanted = source.of(name)
    playing = nil
    health.on_begin()
    if is_of_our_parent(name) then
        return play_attached(name)
    elseif not wanted then
        return
    end
    opening = mp.get_time()
    overlay.want("opening", true)
    show { name = source.title(wanted), state = "metadata", peers = 0 }
    hook:defer()
    engine.open(wanted, function(answer)
        take(answer)
        hook:cont()
    end)
end

-- An address of ours that has failed is nothing for yt-dlp. (Not said earlier: mpv would end the
-- script of yt-dlp for each file, and complain that it does not answer any more.)
local function on_load_fail()
    if playing then
        set_local("ytdl", false)
    end
end

-- ---- while it plays --------------------------------------------------------------------------

-- What is wrong with the torrent, and what is worth a line in the log: each once.
local function tell(status)
    if status.error and status.error ~= trouble then
        say(status.error, "error")
    end
    if status.note and status.note ~= noted and status.note ~= status.error then
        msg.warn(status.note)
    end
    trouble, noted = status.error, status.note
end

local function on_status(text)
    local status = utils.parse_json(text)
    if type(status) ~= "table" or not (playing or opening) then
        return
    end
    show(status)
    tell(status)
    if playing then
        health.report()
    end
end

local function on_first_frame()
    opening = nil
    overlay.want("opening", false)
    leave_window_to_mpv()
    if playing and last then
        show(last)
    end
end

local function on_end()
    playing, opening = nil, nil
    overlay.want("opening", false)
    overlay.want("starved", false)
    overlay.hide()
end

local function on_seek()
    if playing then
        health.on_seek()
    end
end

-- ---- keys ------------------------------------------------------------------------------------

local function toggle()
    if not playing and not opening then
        return say "no torrent is open"
    end
    overlay.toggle()
    show(last)
end

-- An entry of the playlist, if there is one, else a new one behind the current.
local function play_file(torrent, file)
    local path = source.path(torrent.hash, file.index, file.path:match "[^/]*$")
    for i = 0, mp.get_property_number("playlist-count", 0) - 1 do
        if mp.get_property(("playlist/%d/filename"):format(i)) == path then
            return mp.commandv("playlist-play-index", i)
        end
    end
    mp.commandv("loadfile", path, "append")
    mp.commandv("playlist-play-index", mp.get_property_number("playlist-count", 1) - 1)
end

local function choose_file()
    local torrent = playing and known[playing.hash]
    if not torrent then
        return say "no torrent is open"
    end
    local texts, at = {}, 1
    for i, file in ipairs(torrent.all) do
        texts[i] = ("%s  (%.1f MB)"):format(file.path, file.length / 1e6)
        at = file.index == playing.index and i or at
    end
    picker.select("Play:", texts, at, function(i) play_file(torrent, torrent.all[i]) end)
end

open_window()
mp.add_hook("on_load", 5, on_load) -- before ytdl_hook, which takes 10
mp.add_hook("on_load_fail", 5, on_load_fail)
mp.register_event("playback-restart", on_first_frame)
mp.register_event("end-file", on_end)
mp.register_event("seek", on_seek)
mp.register_script_message("mare-status", on_status)
mp.register_script_message("mare-show", toggle)
mp.register_script_message("mare-files", choose_file)
mp.add_key_binding(nil, "status", toggle)
mp.add_key_binding(nil, "files", choose_file)
