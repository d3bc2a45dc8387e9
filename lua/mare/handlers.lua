-- handlers: who wants to hear of what, and telling them.
--
-- C queues events and never calls a handler; a step drains the queue here. Each handler runs in
-- a protected call: an error becomes an `error` event with a traceback, and when nobody listens
-- to those either, the step returns it. A list of handlers is never changed in place, so one that
-- removes itself (or adds others) while it is being told disturbs nobody.

local core = require "mare.core"

local handlers = {}

local known = {}
for _, name in ipairs(core.events) do
    known[name] = name ~= "read" or nil -- reads answer to whoever asked
end

local function check_name(name)
    if not known[name] then
        local names = {}
        for each in pairs(known) do
            names[#names + 1] = each
        end
        table.sort(names)
        error(("no event '%s'; there are %s"):format(tostring(name), table.concat(names, ", ")), 3)
    end
end

-- The table of handlers of a session or torrent.
local function lists_of(object, create)
    local attached = object:_attached(create)
    if attached and create and not attached.handlers then
        attached.handlers = {}
    end
    return attached and attached.handlers
end

-- A torrent that is being removed has one more thing to say.
function handlers.is_removing(object, name)
    local attached = object:_attached(false)
    return name == "removed" and attached ~= nil and attached.removing == true
end

-- object:on(name, f): f(torrent, ...) from now on. Returns f, for off.
function handlers.on(object, name, f)
    check_name(name)
    if type(f) ~= "function" then
        error("a handler must be a function, not a " .. type(f), 2)
    end
    if not object.alive and not handlers.is_removing(object, name) then
        error(core.type(object) == "session" and "session is closed" or "torrent is removed", 2)
    end
    local lists, list = lists_of(object, true), {}
    for i, entry in ipairs(lists[name] or list) do
        list[i] = entry
    end
    list[#list + 1] = { call = f }
    lists[name] = list
    return f
end

-- object:off(name, f): was it there?
function handlers.off(object, name, f)
    check_name(name)
    local lists = lists_of(object, false)
    local kept, found = {}, false
    for _, entry in ipairs(lists and lists[name] or kept) do
        if entry.call == f and not found then
            found, entry.off = true, true
        else
            kept[#kept + 1] = entry
        end
    end
    if found then
        lists[name] = kept
    end
    return found
end

local function trace(message)
    return debug.traceback(tostring(message), 2)
end

local function note_unheard(state, message)
    state.failure = state.failure or message
end

-- Tells every handler of one object. `failed` is called with the message of each that raised.
local function tell(object, name, failed, ...)
    local lists = lists_of(object, false)
    local list = lists and lists[name]
    if not list then
        return false
    end
    for _, entry in ipairs(list) do
        if not entry.off then
            local ok, message = xpcall(entry.call, trace, ...)
            if not ok then
                failed(message)
            end
        end
    end
    return #list > 0
end

-- Something of the script's raised: an `error` event, or the result of this step.
function handlers.report(session, torrent, message)
    local state = session:_state()
    local function unheard(worse)
        note_unheard(state, worse)
    end
    local subject = torrent or session
    local heard = torrent and tell(torrent, "error", unheard, subject, message, "script")
    heard = tell(session, "error", unheard, subject, message, "script") or heard
    if not heard then
        note_unheard(state, message)
    end
end

-- One event: the torrent's handlers first, then the session's.
function handlers.dispatch(session, torrent, name, ...)
    local function failed(message)
        handlers.report(session, torrent, message)
    end
    if torrent then
        tell(torrent, name, failed, torrent, ...)
        if session.alive then
            tell(session, name, failed, torrent, ...)
        end
    else
        tell(session, name, failed, session, ...)
    end
end

return handlers
