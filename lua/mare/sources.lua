-- sources: what session:add accepts: the path, web address or bytes of a .torrent, a magnet link,
-- an info-hash; and which of its files are wanted.

local core = require "mare.core"

local sources = {}

local MAX_TORRENT = 32 * 1024 * 1024 -- larger is no torrent; the parser's own bound is lower
local NORMAL, TOP = 4, 7 -- priorities; 0 skips

local function refuse(message, code)
    return nil, message, code
end

-- The whole file; nil, message, code.
function sources.read_file(path)
    local f, message, number = io.open(path, "rb")
    if not f then
        return refuse("cannot open " .. message, number == 2 and "notfound" or "io")
    end
    local bytes, why = f:read(MAX_TORRENT + 1)
    f:close()
    if not bytes then
        return refuse(("cannot read %s: %s"):format(path, why or "it is empty"), "io")
    elseif #bytes > MAX_TORRENT then
        return refuse(path .. " is too large for a torrent", "limit")
    end
    return bytes
end

local function exists(path)
    local f = io.open(path, "rb")
    return f ~= nil and f:close()
end

-- "bytes", "link", "url" or "path". A file named like an info-hash is a file.
function sources.kind(source)
    if type(source) ~= "string" then
        error("a torrent is named by a string, not a " .. type(source), 3)
    elseif source:find "^d%d*:" or source:find "%z" then
        return "bytes"
    elseif source:find "^%a[%w+.-]*://" then
        return "url"
    elseif core._is_magnet(source) and not exists(source) then
        return "link"
    end
    return "path"
end

-- The bytes of the .torrent that a source names, without a network.
function sources.read(source, kind)
    if kind == "bytes" then
        return source
    end
    return sources.read_file(source)
end

-- ---- which files -----------------------------------------------------------------------------

-- Misuse is the line of who called session:add, `level` calls up.
local function check_entry(entry, level)
    if type(entry) ~= "number" and type(entry) ~= "string" then
        error("options.files lists numbers and patterns", level)
    end
end

-- Marks what one entry of `files` names: a number from 1, or a pattern for the path.
local function mark_wanted(info, wanted, entry)
    check_entry(entry, 6)
    if type(entry) == "number" then
        if not info.files[entry] then
            return refuse(("there is no file %s (the torrent has %d)"):format(entry, #info.files),
                "notfound")
        end
        wanted[entry] = NORMAL
        return true
    end
    local found = false
    for i, each in ipairs(info.files) do
        if each.path:find(entry) then
            wanted[i], found = NORMAL, true
        end
    end
    if not found then
        return refuse(("no file's path matches '%s'"):format(entry), "notfound")
    end
    return true
end

local function check_priority(number, priority, level)
    if type(number) ~= "number" or type(priority) ~= "number" or priority < 0 or priority > TOP
        or priority % 1 ~= 0 then
        error("options.priorities maps file numbers to 0..7", level)
    end
end

-- One priority for each number in info.files.
local function choose(info, options)
    local chosen = {}
    for i = 1, #info.files do
        chosen[i] = options.files and 0 or NORMAL
    end
    for _, entry in ipairs(options.files or {}) do
        local ok, message, code = mark_wanted(info, chosen, entry)
        if not ok then
            return nil, message, code
        end
    end
    for number, priority in pairs(options.priorities or {}) do
        check_priority(number, priority, 5)
        if not chosen[number] then
            return refuse(("there is no file %s (the torrent has %d)"):format(number, #chosen),
                "notfound")
        end
        chosen[number] = priority
    end
    return chosen
end

-- The engine counts padding, too; its priority is of no interest.
local function for_engine(info, chosen)
    local bytes = {}
    for i = 1, info._file_count do
        bytes[i] = string.char(NORMAL)
    end
    for number, place in ipairs(info._places) do
        bytes[place] = string.char(chosen[number])
    end
    return table.concat(bytes)
end

local function copy(options)
    local out = {}
    for name, value in pairs(options or {}) do
        out[name] = value
    end
    return out
end

-- session:add's options as the engine wants them.
function sources.options(bytes, options)
    local out = copy(options)
    if not out.files and not out.priorities then
        return out
    end
    local info, message, code = core.info(bytes)
    if not info then
        return nil, message, code
    end
    local chosen
    chosen, message, code = choose(info, out)
    if not chosen then
        return nil, message, code
    end
    out.files, out.priorities = nil, for_engine(info, chosen)
    return out
end

-- The same for a link: what is wished of its files has to wait until they are known.
function sources.link_options(options)
    local out = copy(options)
    if not out.files and not out.priorities then
        return out
    end
    for _, entry in ipairs(out.files or {}) do
        check_entry(entry, 4)
    end
    for number, priority in pairs(out.priorities or {}) do
        check_priority(number, priority, 4)
    end
    local wishes = { files = out.files, priorities = out.priorities }
    out.files, out.priorities, out._choose_later = nil, nil, true
    return out, wishes
end

-- The files are known now. True; or nil, message, code: nothing fits, and nothing is chosen.
function sources.grant(torrent, wishes)
    local files = torrent.files
    local chosen, message, code = choose({ files = files }, wishes)
    if not chosen then
        return nil, message, code
    end
    for number, priority in ipairs(chosen) do
        files[number].priority = priority
    end
    return true
end

return sources
