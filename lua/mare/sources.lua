-- sources: what session:add accepts: the path of a .torrent, or its bytes; and which of its files
-- are wanted.

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

-- The bytes of the torrent that a source names. A file is looked for first, whatever its name.
function sources.read(source)
    if type(source) ~= "string" then
        error("a torrent is named by a string, not a " .. type(source), 3)
    elseif source:find "^magnet:" or source:find "^%x+$" and #source == 40 then
        return refuse("magnet links and info-hashes are not supported yet", "unsupported")
    elseif source:find "^%a+://" then
        return refuse("web addresses are not supported yet: download the .torrent", "unsupported")
    elseif source:find "^d%d*:" or source:find "%z" then
        return source
    end
    return sources.read_file(source)
end

-- ---- which files -----------------------------------------------------------------------------

-- Marks what one entry of `files` names: a number from 1, or a pattern for the path.
local function mark_wanted(info, wanted, entry)
    if type(entry) == "number" then
        if not info.files[entry] then
            return refuse(("there is no file %s (the torrent has %d)"):format(entry, #info.files),
                "notfound")
        end
        wanted[entry] = NORMAL
        return true
    elseif type(entry) ~= "string" then
        error("options.files lists numbers and patterns", 4)
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

local function check_priority(number, priority)
    if type(number) ~= "number" or type(priority) ~= "number" or priority < 0 or priority > TOP
        or priority % 1 ~= 0 then
        error("options.priorities maps file numbers to 0..7", 4)
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
        check_priority(number, priority)
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

-- session:add's options as the engine wants them.
function sources.options(bytes, options)
    local out = {}
    for name, value in pairs(options or {}) do
        out[name] = value
    end
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

return sources
