-- player: the program that shows what is played: what it is started with, and its life.

local core = require "mare.core"

local player = {}
player.__index = player

-- Which files: the one that was asked for; else the films of a torrent, or its music when it has no
-- film. What is much smaller than the largest (a trailer, an extra) is no part of a series.
local SMALL = 4

function player.choose(torrent, number)
    if number then
        local file = torrent.files[number]
        return file and { file } or nil
    end
    local largest, chosen = torrent.main_file, {}
    if not largest then
        return nil
    end
    local kind = largest.kind
    for _, file in ipairs(torrent.media) do
        if file.kind == kind and (kind == "audio" or file.length * SMALL >= largest.length) then
            chosen[#chosen + 1] = file
        end
    end
    return #chosen > 0 and chosen or { largest }
end

local function stem(path)
    return (path:gsub("%.[^./]*$", ""))
end

-- Subtitles of one film: all there are if it is alone, else those that begin with its name.
local function subtitles_of(file, torrent, alone)
    local list = {}
    for _, each in ipairs(torrent.files) do
        local own = each.path:match "[^/]*$":find(stem(file.path:match "[^/]*$"), 1, true) == 1
        if each.kind == "subtitle" and (alone or own) then
            list[#list + 1] = each
        end
    end
    return list
end

-- mpv understands options for one file: --{ ... --}. The stream is its only source, so yt-dlp is
-- not asked; and a connection that we drop is not taken up again where a seek has left it.
local function mpv(torrent, files)
    local words = { "--ytdl=no", "--stream-lavf-o-append=reconnect=0", "--msg-level=all=warn",
        "--quiet" }
    for _, file in ipairs(files) do
        words[#words + 1] = "--{"
        for _, each in ipairs(subtitles_of(file, torrent, #files == 1)) do
            words[#words + 1] = "--sub-files-append=" .. each.url
        end
        words[#words + 1] = file.url
        words[#words + 1] = "--}"
    end
    return words
end

-- ffplay knows no playlists.
local function any(name, torrent, files)
    local all = #files == #torrent.media and #files > 1 and not name:find "^ffplay"
    return { all and torrent.playlist_url or files[1].url }
end

-- `command` is a program and perhaps options of it, divided by spaces.
-- `options` are further words.
function player.start(command, torrent, files, options)
    local words = {}
    for word in command:gmatch "%S+" do
        words[#words + 1] = word
    end
    local name = (words[1] or ""):match "[^/]*$"
    local more = name:find "^mpv" and mpv(torrent, files) or any(name, torrent, files)
    table.move(options or {}, 1, #(options or {}), #words + 1, words)
    table.move(more, 1, #more, #words + 1, words)
    local pid, message = core.start_program(words)
    if not pid then
        return nil, message
    end
    return setmetatable({ pid = pid, name = name }, player)
end

-- Its exit status once it has ended; nil while it runs.
function player:ended()
    self.status = self.status or core.program_status(self.pid)
    return self.status
end

function player:stop(at_once)
    if not self:ended() then
        core.stop_program(self.pid, at_once)
    end
end

-- Whatever becomes of us, it does not stay behind with a stream that has ended.
player.__close = function(self)
    self:stop(true)
end

return player
