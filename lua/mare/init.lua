-- mare: a BitTorrent engine that Lua scripts.
--
--     local mare = require "mare"
--     local session = mare.session { port = 6881, directory = "downloads" }
--     local torrent = assert(session:add "debian.torrent")
--     torrent:on("done", function(t) print(t.name) end)
--     session:run()
--
-- Everything there is is documented in mare/meta.lua and mare/meta/, which editors with the Lua
-- language server read. The engine itself is mare.core, in C; this module and its neighbours add
-- what is easier said in Lua.

local core = require "mare.core"
require "mare.session"
require "mare.reader"
local policy = require "mare.policy"
local http = require "mare.http"
local replay = require "mare.replay"
local sources = require "mare.sources"
local sim = require "mare.sim"
local tasks = require "mare.tasks"

local mare = {
    version = core.version,
    type = core.type,
    now = core.now,
    create = core.create,
    policy = policy,
    replay = replay.replay,
    sleep = tasks.sleep,
    sim = sim,
}

-- Sessions that may still be open, newest last. Weak: being listed keeps nothing alive.
local sessions = setmetatable({}, { __mode = "v" })
local made = 0

-- Serves, or is no session: whoever asked for an address and cannot have it wants to hear of it.
local function serve(session, options)
    local ok, server, message, code = pcall(session.serve, session, options)
    if not ok or not server then
        session:close(0)
    end
    if not ok then
        error(server, 3)
    end
    return server and session, message, code
end

function mare.session(options)
    local engine_options, http_options = http.split(options)
    local ok, session, message, code = pcall(core.session, engine_options)
    if not ok then
        error(session, 2) -- misuse is the caller's line, not this one
    elseif not session then
        return nil, message, code
    end
    made = made + 1
    sessions[made] = session
    if http_options then
        return serve(session, http_options)
    end
    return session
end

-- The session whose task is running; else the newest that is open.
local function default_session()
    local _, current = tasks.current()
    if current then
        return current
    end
    local newest = 0
    for number, session in pairs(sessions) do
        if session.alive and number > newest then
            newest = number
        end
    end
    return sessions[newest]
end

function mare.spawn(f, ...)
    local session = default_session()
    if not session then
        error("mare.spawn: no session is open", 2)
    end
    return tasks.spawn(session, f, ...)
end

-- Reads lists of addresses into one: P2P, DAT and CIDR lines, mixed as they may be.
function mare.blocklist(...)
    local list = core.blocklist()
    for _, path in ipairs { ... } do
        local file, message = io.open(path, "rb")
        if not file then
            return nil, "cannot read the blocklist " .. message, "notfound"
        end
        local text = file:read "a"
        file:close()
        local ranges, why, code = list:add(text)
        if not ranges then
            return nil, ("blocklist %s: %s"):format(path, why), code
        end
    end
    return list
end

-- The contents of a .torrent, given its path or its bytes; of a magnet link, what it says.
function mare.info(source)
    local kind = sources.kind(source)
    if kind == "link" then
        return core.magnet(source)
    elseif kind == "url" then
        return nil, "mare.info does not use the network: session:add takes web addresses",
            "unsupported"
    end
    local bytes, message, code = sources.read(source, kind)
    if not bytes then
        return nil, message, code
    end
    local info
    info, message, code = core.info(bytes)
    if not info then
        return nil, message, code
    end
    info._places, info._file_count = nil, nil
    return info
end

return mare
