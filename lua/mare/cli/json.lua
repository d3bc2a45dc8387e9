-- json: one value as one line of JSON. Keys are sorted, `event` first, so that lines are easy to
-- read and to compare.

local json = {}

local escapes = {
    ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f",
    ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
end

-- What is not UTF-8 becomes U+FFFD, byte by byte.
local function valid_utf8(s)
    local parts, from = {}, 1
    while true do
        local _, bad = utf8.len(s, from)
        if not bad then
            break
        end
        parts[#parts + 1] = s:sub(from, bad - 1) .. "\u{FFFD}"
        from = bad + 1
    end
    return table.concat(parts) .. s:sub(from)
end

local function encode_string(s)
    return '"' .. valid_utf8(s):gsub('[%c"\\\127]', escape) .. '"'
end

local function encode_number(n)
    if n ~= n or n == math.huge or n == -math.huge then
        return "null"
    elseif math.type(n) == "integer" then
        return ("%d"):format(n)
    end
    return (("%.6f"):format(n):gsub("(%..-)0+$", "%1"):gsub("%.$", ""))
end

local encode

local function encode_list(list)
    local parts = {}
    for i, value in ipairs(list) do
        parts[i] = encode(value)
    end
    return "[" .. table.concat(parts, ",") .. "]"
end

local function before(a, b)
    if a == "event" or b == "event" then
        return a == "event" and b ~= "event"
    end
    return a < b
end

local function encode_object(object)
    local keys, parts = {}, {}
    for key in pairs(object) do
        keys[#keys + 1] = key
    end
    table.sort(keys, before)
    for i, key in ipairs(keys) do
        parts[i] = encode_string(key) .. ":" .. encode(object[key])
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- A list that may be empty says so: an empty table is an object else.
json.list = {}

function encode(value)
    local kind = type(value)
    if kind == "string" then
        return encode_string(value)
    elseif kind == "number" then
        return encode_number(value)
    elseif kind == "boolean" then
        return tostring(value)
    elseif kind == "table" then
        if #value > 0 or getmetatable(value) == json.list then
            return encode_list(value)
        end
        return encode_object(value)
    end
    return "null"
end

json.encode = encode

return json
