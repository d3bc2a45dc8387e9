-- tasks: coroutines that suspend where plain code would block. Each belongs to one session, whose
-- steps resume it. Also the session's timers, which sleeping is made of.
--
-- A task is known by its coroutine: sleeping in a coroutine that the script made itself (an
-- iterator, say) would hand control to the wrong resumer, and is refused instead.

local core = require "mare.core"
local handlers = require "mare.handlers"

local tasks = {}

-- coroutine -> session. Weak: a task that nobody will resume is collected.
local session_of = setmetatable({}, { __mode = "k" })

-- ---- timers: a binary heap, earliest first ---------------------------------------------------

local function earlier(a, b)
    return a.at < b.at or (a.at == b.at and a.order < b.order)
end

local function swap(heap, i, j)
    heap[i], heap[j] = heap[j], heap[i]
end

local function push(heap, timer)
    local i = #heap + 1
    heap[i] = timer
    while i > 1 do
        local parent = (i - i % 2) / 2
        if not earlier(heap[i], heap[parent]) then
            return
        end
        swap(heap, i, parent)
        i = parent
    end
end

local function pop(heap)
    local first, n = heap[1], #heap
    heap[1] = heap[n]
    heap[n] = nil
    local i = 1
    while true do
        local least = i
        for child = 2 * i, 2 * i + 1 do
            if child < n and earlier(heap[child], heap[least]) then
                least = child
            end
        end
        if least == i then
            return first
        end
        swap(heap, i, least)
        i = least
    end
end

local function timers_of(session)
    local state = session:_state()
    state.timers = state.timers or {}
    return state.timers, state
end

local function drop_cancelled(heap)
    while heap[1] and heap[1].cancelled do
        pop(heap)
    end
end

-- Calls f in `seconds`; cancelled by setting `cancelled` in what is returned.
function tasks.after(session, seconds, f)
    local heap, state = timers_of(session)
    state.timers_made = (state.timers_made or 0) + 1
    local timer = { at = core.now() + seconds, order = state.timers_made, call = f }
    push(heap, timer)
    return timer
end

-- Seconds until the next timer, or nil.
function tasks.next_due(session)
    local heap = timers_of(session)
    drop_cancelled(heap)
    return heap[1] and math.max(heap[1].at - core.now(), 0)
end

-- Runs what was due when this began; what they add waits for the next step.
function tasks.run_due(session)
    local heap, state = timers_of(session)
    local now, last = core.now(), state.timers_made
    drop_cancelled(heap)
    while session.alive and heap[1] and heap[1].at <= now and heap[1].order <= last do
        pop(heap).call()
        drop_cancelled(heap)
    end
end

-- ---- coroutines ------------------------------------------------------------------------------

local function resume(co, ...)
    local session = session_of[co]
    local running = session:_state().tasks
    local ok, message = coroutine.resume(co, ...)
    if coroutine.status(co) == "dead" and running then
        running[co] = nil
    end
    if not ok then
        handlers.report(session, nil, debug.traceback(co, tostring(message)))
    end
end

-- Runs f(...) as a task of the session, at once until it first waits. Returns the coroutine.
function tasks.spawn(session, f, ...)
    if type(f) ~= "function" then
        error("spawn needs a function, not a " .. type(f), 2)
    end
    if not session.alive then
        error("session is closed", 2)
    end
    local state, co = session:_state(), coroutine.create(f)
    state.tasks = state.tasks or {}
    state.tasks[co], session_of[co] = true, session
    resume(co, ...)
    return co
end

-- The task that is running, and its session; nil outside.
function tasks.current()
    local co = coroutine.running()
    local session = co and session_of[co]
    if session then
        return co, session
    end
end

local function check_current(what)
    local co, session = tasks.current()
    if not co then
        error(what .. " suspends: call it in a function that mare.spawn runs", 3)
    end
    return co, session
end

local function check_seconds(n)
    if type(n) ~= "number" or n ~= n or n < 0 then
        error("seconds must be a number from 0 up", 3)
    end
end

-- Suspends the task until the function that `begin` gets is called, and returns what it was called
-- with. Later calls of it do nothing; one before the task sleeps keeps it awake.
function tasks.suspend(co, begin)
    local waiting, suspended, early = true, false, nil
    begin(function(...)
        if waiting then
            waiting = false
            if suspended then
                resume(co, ...)
            else
                early = { n = select("#", ...), ... }
            end
        end
    end)
    if early then
        return table.unpack(early, 1, early.n)
    end
    suspended = true
    return coroutine.yield()
end

-- What `start` asks, it tells the function that it gets. With a callback: that one. Without: in a
-- task, which waits for it.
function tasks.ask_or_wait(what, callback, start)
    if callback then
        return start(callback)
    end
    local co = tasks.current()
    if not co then
        error(what .. " needs a callback outside of mare.spawn", 3)
    end
    return tasks.suspend(co, function(wake)
        local ok, message, code = start(wake)
        if not ok then
            wake(nil, message, code)
        end
    end)
end

function tasks.sleep(seconds)
    local co, session = check_current "mare.sleep"
    check_seconds(seconds)
    return tasks.suspend(co, function(wake)
        tasks.after(session, seconds, wake)
    end)
end

-- What has happened already is not waited for.
local happened = {
    metadata = function(torrent)
        return torrent.pieces ~= nil
    end,
    checked = function(torrent)
        return torrent.state ~= "checking" and torrent.pieces ~= nil
    end,
    done = function(torrent)
        return torrent.done
    end,
}

local function begin_wait(object, session, name, timeout, wake)
    local timer, on_event, on_removed
    local function finish(...)
        if timer then
            timer.cancelled = true
        end
        handlers.off(object, name, on_event)
        if on_removed then
            handlers.off(object, "removed", on_removed)
        end
        wake(...)
    end
    on_event = handlers.on(object, name, finish)
    if core.type(object) == "torrent" and name ~= "removed" then
        on_removed = handlers.on(object, "removed", function()
            finish(nil, "torrent is removed", "closed")
        end)
    end
    if timeout then
        timer = tasks.after(session, timeout, function()
            finish(nil, ("no event '%s' in %g seconds"):format(name, timeout), "timeout")
        end)
    end
end

-- object:wait(name, [seconds]): what a handler would get; or nil, message, code ("timeout",
-- "closed").
function tasks.wait(object, name, timeout)
    local co = check_current "wait"
    local owner = object
    if timeout ~= nil then
        check_seconds(timeout)
    end
    if core.type(object) == "torrent" then
        if not object.alive and not handlers.is_removing(object, name) then
            return nil, "torrent is removed", "closed"
        elseif happened[name] and happened[name](object) then
            return object
        end
        owner = object.session
    end
    return tasks.suspend(co, function(wake)
        begin_wait(object, owner, name, timeout, wake)
    end)
end

-- The session is closed: nobody will resume its tasks. Their pending `local x <close>` are closed.
function tasks.abandon(session)
    local state = session:_state()
    for co in pairs(state.tasks or {}) do
        if coroutine.close and coroutine.status(co) == "suspended" then
            coroutine.close(co)
        end
    end
    state.tasks, state.timers = nil, nil
end

return tasks
