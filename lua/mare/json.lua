-- json: reads one JSON text (RFC 8259). null becomes core.null, objects and lists become tables.
--
--     local value, message = json.decode '{"a":[1,2.5,null]}'
--
-- It is for files that may be broken or hostile: nesting is bounded, and what is no JSON gives a
-- sentence that says where.

local core = require "mare.core"

local json = {}

local MAX_DEPTH = 100

local function fail(at, what)
    error({ json = ("%s at byte %d"):format(what, at) }, 0)
end

local escapes = {
    ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

-- \uXXXX at `at`, and its second half if it is one of a pair; the text, and where it ends.
local function unicode(s, at)
    local code = tonumber(s:match("^%x%x%x%x", at) or fail(at, "a broken \\u"), 16)
    at = at + 4
    if code >= 0xd800 and code < 0xdc00 then
        local low = tonumber(s:match("^\\u(%x%x%x%x)", at) or "0", 16)
        if low < 0xdc00 or low > 0xdfff then
            fail(at, "half a character")
        end
        return utf8.char(0x10000 + (code - 0xd800) * 0x400 + low - 0xdc00), at + 6
    elseif code >= 0xdc00 and code < 0xe000 then
        fail(at, "half a character")
    end
    return utf8.char(code), at
end

-- The string whose quote is at `at`, and what comes after it.
local function string_at(s, at)
    local parts, from = {}, at + 1
    while true do
        local stop = s:find('["\\%c]', from)
        local c = stop and s:sub(stop, stop)
        if c == '"' then
            parts[#parts + 1] = s:sub(from, stop - 1)
            return table.concat(parts), stop + 1
        elseif c ~= "\\" then
            fail(stop or #s, "a string without its end")
        end
        parts[#parts + 1] = s:sub(from, stop - 1)
        local kind = s:sub(stop + 1, stop + 1)
        if kind == "u" then
            parts[#parts + 1], from = unicode(s, stop + 2)
        else
            parts[#parts + 1] = escapes[kind] or fail(stop, "an unknown escape")
            from = stop + 2
        end
    end
end

-- A number as JSON writes it: no leading zeros, no dot at an end, no hexadecimal.
local function number_at(s, at)
    local digits = s:match("^%-?%d+%.?%d*[eE]?[+-]?%d*", at)
    local whole, fraction = digits:match "^%-?(%d+)(.*)$"
    if (#whole > 1 and whole:byte() == 48) or fraction:find "^%.%D" or fraction == "." then
        fail(at, "a broken number")
    end
    return tonumber(digits) or fail(at, "a broken number"), at + #digits
end

local words = { t = { "true", true }, f = { "false", false }, n = { "null", core.null } }
local value_at

local function skip(s, at)
    return s:find("[^ \t\r\n]", at) or #s + 1
end

-- The items between `at`, behind the opening bracket, and the closing one.
local function items(s, at, closing, take)
    at = skip(s, at)
    if s:sub(at, at) == closing then
        return at + 1
    end
    while true do
        at = skip(s, take(skip(s, at)))
        local c = s:sub(at, at)
        if c == closing then
            return at + 1
        elseif c ~= "," then
            fail(at, "a comma or " .. closing .. " is missing")
        end
        at = at + 1
    end
end

local function list_at(s, at, depth)
    local list, n = {}, 0
    return list, items(s, at + 1, "]", function(from)
        n = n + 1
        list[n], from = value_at(s, from, depth)
        return from
    end)
end

local function object_at(s, at, depth)
    local object = {}
    return object, items(s, at + 1, "}", function(from)
        if s:sub(from, from) ~= '"' then
            fail(from, "a name is missing")
        end
        local name, behind = string_at(s, from)
        behind = skip(s, behind)
        if s:sub(behind, behind) ~= ":" then
            fail(behind, "a colon is missing")
        end
        object[name], from = value_at(s, skip(s, behind + 1), depth)
        return from
    end)
end

function value_at(s, at, depth)
    local c = s:sub(at, at)
    if depth > MAX_DEPTH then
        fail(at, "too much nesting")
    elseif c == "{" then
        return object_at(s, at, depth + 1)
    elseif c == "[" then
        return list_at(s, at, depth + 1)
    elseif c == '"' then
        return string_at(s, at)
    elseif s:find("^%-?%d", at) then
        return number_at(s, at)
    end
    local word = words[c]
    if word and s:sub(at, at + #word[1] - 1) == word[1] then
        return word[2], at + #word[1]
    end
    fail(at, c == "" and "the end comes too early" or "no value")
end

local function decode(s)
    local value, at = value_at(s, skip(s, 1), 0)
    at = skip(s, at)
    if at <= #s then
        fail(at, "something behind the value")
    end
    return value
end

function json.decode(text)
    local ok, value = pcall(decode, text)
    if ok then
        return value
    elseif type(value) ~= "table" then
        error(value, 0)
    end
    return nil, value.json
end

return json
