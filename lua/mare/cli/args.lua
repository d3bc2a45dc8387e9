-- args: the command line of one command, by a list of its options:
--
--     { "-o", "--output", value = "DIR", name = "directory", help = "...", parse = f, many = true }
--
-- `parse` turns the text into a value, or returns nil and what would have been right. An option
-- with `optional` takes the next word only if that parses. Usage errors are raised as tables, which
-- main catches: { usage = "sentence" }.

local args = {}

function args.fail(format, ...)
    error({ usage = format:format(...) }, 0)
end

local function by_flag(options)
    local map = {}
    for _, option in ipairs(options) do
        for _, flag in ipairs(option) do
            map[flag] = option
        end
    end
    return map
end

local function parse_value(option, flag, text)
    if not option.parse then
        return text
    end
    local value, wanted = option.parse(text)
    if value == nil then
        args.fail("%s takes %s, not '%s'", flag, wanted or option.value, text)
    end
    return value
end

local function store(out, option, value)
    if option.many then
        out[option.name] = out[option.name] or {}
        table.insert(out[option.name], value)
    else
        out[option.name] = value
    end
end

-- The value of an option at words[i], which may stand behind "=" or in the next word. Returns it
-- and the index of the last word used.
local function take_value(option, flag, attached, words, i)
    if not option.value then
        if attached then
            args.fail("%s takes no value", flag)
        end
        return option.constant == nil or option.constant, i
    elseif attached then
        return parse_value(option, flag, attached), i
    elseif option.optional then
        local value = words[i + 1] and option.parse(words[i + 1])
        if value == nil then
            return true, i
        end
        return value, i + 1
    elseif not words[i + 1] then
        args.fail("%s needs %s", flag, option.value)
    end
    return parse_value(option, flag, words[i + 1]), i + 1
end

-- "--name=value", "--name", "-xvalue", "-x": flag and value.
local function split(word, flags)
    local name, value = word:match "^(%-%-[^=]+)=(.*)$"
    if name then
        return name, value
    elseif not flags[word] and word:find "^%-%w." then
        return word:sub(1, 2), word:sub(3)
    end
    return word, nil
end

-- Returns a table of options by name, and the list of other words.
function args.parse(options, words, from)
    local flags, out, rest = by_flag(options), {}, {}
    local i = from or 1
    while i <= #words do
        local word = words[i]
        if word == "--" then
            table.move(words, i + 1, #words, #rest + 1, rest)
            break
        elseif word:find "^%-." then
            local flag, attached = split(word, flags)
            local option = flags[flag]
            if not option then
                args.fail("there is no option %s", flag)
            end
            local value
            value, i = take_value(option, flag, attached, words, i)
            store(out, option, value)
        else
            rest[#rest + 1] = word
        end
        i = i + 1
    end
    return out, rest
end

-- Two columns, for --help.
function args.describe(options)
    local lines, widest = {}, 0
    for i, option in ipairs(options) do
        local left = table.concat(option, ", ")
        if option.value then
            left = left .. (option.optional and " [" .. option.value .. "]" or " " .. option.value)
        end
        lines[i] = left
        widest = math.max(widest, #left)
    end
    for i, option in ipairs(options) do
        local help = option.help:gsub("\n", "\n" .. (" "):rep(widest + 4))
        lines[i] = ("  %-" .. widest .. "s  %s"):format(lines[i], help)
    end
    return table.concat(lines, "\n")
end

return args
