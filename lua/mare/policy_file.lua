-- policy_file: a policy that lies in a file of its own: session:load_policy(path), --policy FILE.
--
--     local session = ...                      -- who loads it
--     local policy = require "mare.policy"     -- and mare.policy.* are all that it may require
--     return { unchoke = function(peer) return peer.download_rate end }
--
-- The file is source text, never bytecode, and gets an environment of its own: Lua's library
-- without what reaches outside (io, load, debug, most of os). It is run with the budget of a policy
-- round, looked at each second, and loaded again when it has changed; a version that fails is told
-- of in an `error` event, and the old one goes on.

local core = require "mare.core"
local tasks = require "mare.tasks"

local policy_file = {}

local LOOK_EVERY = 1 -- seconds
local MAX_SIZE = 1 << 20

-- ---- the environment -------------------------------------------------------------------------

local SAFE = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen",
    "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "xpcall", "_VERSION",
}

local function copy(library, names)
    local own = {}
    for _, name in ipairs(names) do
        own[name] = library[name]
    end
    return own
end

local function names_of(library, without)
    local names = {}
    for name in pairs(library) do
        if name ~= without then
            names[#names + 1] = name
        end
    end
    return names
end

local function require_policy(name)
    if type(name) == "string" and (name == "mare.policy" or name:find "^mare%.policy%.[%w_]+$") then
        return require(name)
    end
    error("a policy file may require mare.policy and its parts, not " .. tostring(name), 2)
end

local function environment()
    local env = copy(_G, SAFE)
    env._G = env
    env.math = copy(math, names_of(math))
    env.string = copy(string, names_of(string, "dump"))
    env.table = copy(table, names_of(table))
    env.utf8 = utf8 and copy(utf8, names_of(utf8))
    env.os = copy(os, { "clock", "date", "difftime", "time" })
    env.require = require_policy
    env.mare = { version = core.version, now = core.now, policy = require "mare.policy" }
    return env
end

-- ---- loading ---------------------------------------------------------------------------------

local function read(path)
    local f, message, number = io.open(path, "rb")
    if not f then
        return nil, "cannot open " .. message, number == 2 and "notfound" or "io"
    end
    local text = f:read(MAX_SIZE + 1)
    f:close()
    if not text then
        return nil, path .. " is empty, or no file", "format"
    elseif #text > MAX_SIZE then
        return nil, path .. " is too large for a policy", "limit"
    end
    return text
end

-- The policy that the text returns.
local function evaluate(session, path, text)
    local chunk, message = load(text, "@" .. path, "t", environment())
    if not chunk then
        return nil, message, "format"
    end
    local ok, policy = core.limited(chunk, session)
    if not ok then
        return nil, policy, "script"
    elseif type(policy) ~= "table" then
        local what = path .. " returns a " .. type(policy)
        return nil, what .. ": a table of functions is expected", "format"
    end
    return policy
end

-- The policy of a file, for whoever has no session to watch it with: or nil, message, code.
function policy_file.read(path)
    local text, message, code = read(path)
    if not text then
        return nil, message, code
    end
    return evaluate(nil, path, text)
end

local function apply(session, path, text)
    local policy, message, code = evaluate(session, path, text)
    if not policy then
        return nil, message, code
    end
    local ok, why = pcall(function() session.policy = policy end)
    if not ok then
        return nil, ("%s: %s"):format(path, why), "format"
    end
    return true
end

-- ---- watching --------------------------------------------------------------------------------

local function look(session, watch)
    local text, message = read(watch.path)
    local ok = true
    if text and text ~= watch.text then
        watch.text = text
        ok, message = apply(session, watch.path, text)
    elseif not text then
        ok = message == watch.missing -- told once
        watch.missing = message
    end
    if text then
        watch.missing = nil
    end
    if not ok then
        session:_complain("policy file not loaded, the one before goes on: " .. message)
    end
end

local function keep_looking(session, watch)
    tasks.after(session, LOOK_EVERY, function()
        if session:_state().policy_file == watch then
            look(session, watch)
            keep_looking(session, watch)
        end
    end)
end

-- session:load_policy(path): true; or nil, message, code, and nothing has changed. nil: no more.
function policy_file.load(session, path)
    if path == nil then
        session:_state().policy_file = nil
        session.policy = nil
        return true
    elseif type(path) ~= "string" then
        error("load_policy takes a path, not a " .. type(path), 2)
    elseif not session.alive then
        error("session is closed", 2)
    end
    local text, message, code = read(path)
    local ok = text
    if text then
        ok, message, code = apply(session, path, text)
    end
    if not ok then
        return nil, message, code
    end
    local watch = { path = path, text = text }
    session:_state().policy_file = watch
    keep_looking(session, watch)
    return true
end

return policy_file
