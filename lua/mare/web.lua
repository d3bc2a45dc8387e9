-- web: what lies at a web address, fetched by a session. In a task that suspends; with a callback
-- it goes on behind; elsewhere the session is stepped until it is there.

local tasks = require "mare.tasks"

local web = {}

local MAX_NAP = 1 -- as session:run: Lua's own Ctrl-C comes through

local function start(session, url, callback)
    local state = session:_state()
    state.reads, state.token = state.reads or {}, (state.token or 0) + 1
    local ok, message, code = session:_fetch(url, state.token)
    if not ok then
        return nil, message, code
    end
    state.reads[state.token] = callback
    return true
end

local function suspend(co, session, url)
    return tasks.suspend(co, function(wake)
        local ok, message, code = start(session, url, wake)
        if not ok then
            wake(nil, message, code)
        end
    end)
end

local function step_until_there(session, url)
    local result
    local ok, message, code = start(session, url, function(...) result = table.pack(...) end)
    while ok and not result do
        ok, message, code = session:step(MAX_NAP)
    end
    if not ok then
        return nil, message, code
    end
    return table.unpack(result, 1, result.n)
end

-- Its bytes; or nil, message, code. With a callback: true, and the callback gets that.
function web.read(session, url, callback)
    if callback then
        return start(session, url, callback)
    end
    local co = tasks.current()
    if co then
        return suspend(co, session, url)
    end
    return step_until_there(session, url)
end

return web
