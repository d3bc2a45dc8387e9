-- source: which of the names that mpv is given are torrents. mpv hands them on as they are, or with
-- the folder of a playlist, or its working directory, before them.

local mp = require "mp"
local utils = require "mp.utils"

local source = {}

-- In a path, mpv makes one slash of two: "tr=http:/tracker".
local function repair(link)
    return (link:gsub("(%a:/)([^/])", "%1/%2"))
end

local function exists(path)
    return utils.file_info(path) ~= nil
end

local function is_hash(word)
    return word:find("^" .. ("%x"):rep(40) .. "$")
        or word:find("^" .. ("[A-Za-z2-7]"):rep(32) .. "$") and not word:find "^%l+$"
end

local function is_torrent_file(name)
    local path = name:find "^https?://" and name:gsub("[?#].*$", "") or name
    return path:lower():find "%.torrent$"
end

local function decode(text)
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- The engine runs in another folder.
local function absolute(path)
    if path:find "^file://" then
        path = decode(path:sub(8))
    end
    return utils.join_path(mp.get_property("working-directory", ""), path)
end

-- What to call it as long as nobody has told its name.
function source.title(wanted)
    local name = wanted:match "[?&]dn=([^&]+)"
    return name and decode((name:gsub("+", " "))) or decode(wanted:match "[^/]*$")
end

-- What to ask the engine for; nil: it is no torrent.
function source.of(name)
    local magnet = name:lower():find("magnet:?", 1, true)
    if magnet and (magnet == 1 or name:sub(magnet - 1, magnet - 1) == "/") then
        return repair(name:sub(magnet))
    elseif name:find "^torrent://%x+" then
        return name
    elseif is_torrent_file(name) then
        return name:find "^%a[%w+.-]+://" and not name:find "^file://" and name or absolute(name)
    elseif not name:find "://" and is_hash(name:match "[^/\\]*$") and not exists(name) then
        return name:match "[^/\\]*$"
    end
end

local function escape(text)
    return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The name of a file by which mpv remembers where one has stopped: the same each time.
function source.path(hash, index, title)
    return ("torrent://%s/%d/%s"):format(hash, index, escape(title))
end

-- A playlist, which mpv puts in the place of the torrent's own name.
function source.playlist(torrent)
    local lines = { "#EXTM3U" }
    for _, file in ipairs(torrent.files) do
        lines[#lines + 1] = "#EXTINF:-1," .. file.title:gsub("%c", " ")
        lines[#lines + 1] = source.path(torrent.hash, file.index, file.title)
    end
    return "memory://" .. table.concat(lines, "\n") .. "\n"
end

return source
