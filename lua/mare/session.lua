-- session: the methods of sessions, torrents, files and pieces that are said in Lua: driving,
-- handlers, waiting, reading, adding from a path.

local core = require "mare.core"
local handlers = require "mare.handlers"
local policy_file = require "mare.policy_file"
local record = require "mare.record"
local sources = require "mare.sources"
local tasks = require "mare.tasks"
local web = require "mare.web"

local session, torrent = core.methods.session, core.methods.torrent
local file, piece, dht = core.methods.file, core.methods.piece, core.methods.dht

local MAX_EVENTS = 8192 -- told per step: handlers that cause events cannot keep it from ending
local MAX_NAP = 1 -- run wakes this often, so that Lua's own Ctrl-C comes through

-- ---- events ----------------------------------------------------------------------------------

local function tell_reason(peer, text, code)
    local attached = peer and peer:_attached(false)
    return { reason = attached and attached.reason or text, code = code }
end

-- What handlers get after the torrent, from what the queue holds.
local arguments = {
    state = function(_, _, _, text) return text end,
    metadata = function() end,
    checked = function(_, pieces) return pieces end,
    piece = function(_, index) return index end,
    file = function(_, index) return index end,
    done = function() end,
    peer = function(peer) return peer end,
    peer_closed = function(peer, _, code, text, _, facts)
        local closed = facts or {}
        local told = tell_reason(peer, text, code)
        closed.reason, closed.code = told.reason, told.code
        return peer, closed
    end,
    tracker = function(_, peers, code, text)
        local url, message = (text or ""):match "^(%S+): (.*)$"
        return { url = url or text, message = message, peers = peers, code = code }
    end,
    scrape = function(_, _, code, text, _, counts)
        local told = counts or {}
        told.url, told.message = (text or ""):match "^(%S+): (.*)$"
        told.url, told.code = told.url or text, code
        return told
    end,
    peers = function(_, count, _, text) return count, text end,
    hash_failed = function(_, index) return index end,
    banned = function(_, _, _, text) return text end,
    moved = function(_, _, code, text)
        if code then
            return nil, text, code
        end
        return true
    end,
    removed = function(_, _, code, text)
        if code then
            return nil, text, code
        end
        return true
    end,
    saved = function() end,
    blocklist = function(_, ranges, code, text)
        if code then
            return nil, text, code
        end
        return ranges, text
    end,
    portmap = function(_, port, code, text)
        if code then
            return nil, text, code
        end
        return port, text
    end,
    error = function(_, _, code, text) return text, code end,
    overflow = function(_, count) return count end,
}

local READ_END = 2

local function answer_read(self, of, code, text, token, data, kind)
    local reads = self:_state().reads
    local callback = reads and reads[token]
    if not callback then
        return
    end
    reads[token] = nil
    local ok, message
    if code then
        ok, message = xpcall(callback, debug.traceback, nil, text or code, code)
    else
        ok, message = xpcall(callback, debug.traceback, data or kind ~= READ_END and "" or nil)
    end
    if not ok then
        handlers.report(self, of, message)
    end
end

-- What is still told of a torrent that was removed; its other news would only find handlers that
-- ask it for its name.
local posthumous = { removed = true, peer_closed = true, error = true }

-- What was wished of the files of a link, before any handler may wish something else.
local function grant_wishes(self, of)
    local attached = of:_attached(false)
    local wishes = attached and attached.wishes
    if not wishes then
        return
    end
    attached.wishes = nil
    local ok, message, code = sources.grant(of, wishes)
    if not ok then
        of:pause()
        handlers.dispatch(self, of, "error", message, code)
    end
end

local function forget_removal(of)
    local attached = of and of:_attached(false)
    if attached then
        attached.removing = nil
    end
end

-- Tells one event; false when there is none.
local function tell_next(self)
    local name, of, peer, index, code, text, token, data = self:_poll()
    if not name then
        return false
    elseif name == "metadata" and of.alive then
        grant_wishes(self, of) -- whose error handlers may end it
    end
    if name == "read" then
        answer_read(self, of, code, text, token, data, index)
    elseif not of or of.alive or posthumous[name] then
        handlers.dispatch(self, of, name, arguments[name](peer, index, code, text, token, data))
        if name == "removed" then
            forget_removal(of)
        end
    end
    return true
end

local function tell_all(self)
    for _ = 1, MAX_EVENTS do
        if not self.alive or not tell_next(self) then
            break
        end
    end
    if self.alive then
        tasks.run_due(self)
    end
end

-- ---- driving ---------------------------------------------------------------------------------

local function sooner(a, b)
    if a and b then
        return math.min(a, b)
    end
    return a or b
end

function session:timeout()
    return sooner(self:_timeout(), tasks.next_due(self))
end

local function take_failure(state)
    local message = state.failure
    state.failure = nil
    if message then
        return nil, message, "script"
    end
    return true
end

function session:step(seconds)
    local ok, message, code = self:_step(sooner(seconds, tasks.next_due(self)))
    if not ok then
        return nil, message, code
    end
    record.pump(self)
    self:_dispatch(tell_all)
    return take_failure(self:_state())
end

local function until_function(condition)
    if condition == nil then
        return function() return false end
    elseif type(condition) == "number" then
        local ends = core.now() + condition
        return function()
            return core.now() >= ends, ends - core.now()
        end
    elseif type(condition) == "function" then
        return condition
    end
    error("run takes a function or seconds, not a " .. type(condition), 3)
end

function session:run(condition)
    local state, is_over = self:_state(), until_function(condition)
    while self.alive and not state.stopping do
        local over, left = is_over(self)
        if over then
            return true
        end
        local ok, message, code = self:step(math.min(MAX_NAP, left or MAX_NAP))
        if not ok and code ~= "closed" then
            return nil, message, code
        end
    end
    state.stopping = nil
    return take_failure(state)
end

function session:stop()
    self:_state().stopping = true
end

function session:close(linger)
    if self.alive and not self:_later("close", linger) then
        record.record(self)
        self:_close(linger or 1)
        tasks.abandon(self)
        local state = self:_state()
        state.reads = nil
    end
    return true
end

session.on, session.off = handlers.on, handlers.off
torrent.on, torrent.off = handlers.on, handlers.off
session.wait, torrent.wait = tasks.wait, tasks.wait
session.spawn = tasks.spawn
session.load_policy = policy_file.load
session.record = record.record

-- ---- adding and removing ---------------------------------------------------------------------

-- Misuse is the line of who called session:add, `level` calls up.
local function call_engine(level, add, self, what, options)
    local ok, added, message, code, existing = pcall(add, self, what, options)
    if not ok then
        error(added, level)
    end
    return added, message, code, existing
end

local function add_bytes(self, bytes, options)
    local chosen, message, code = sources.options(bytes, options)
    if not chosen then
        return nil, message, code
    end
    return call_engine(2, self._add, self, bytes, chosen)
end

local function add_link(self, link, options)
    local rest, wishes = sources.link_options(options)
    local added, message, code, existing = call_engine(3, self._add_link, self, link, rest)
    if added and wishes then
        added:_attached(true).wishes = wishes
    end
    return added, message, code, existing
end

local function add_page(self, url, options, callback)
    local function finish(bytes, message, code)
        if not bytes then
            return nil, message, code
        end
        return add_bytes(self, bytes, options)
    end
    if callback then
        return web.read(self, url, function(...) callback(finish(...)) end)
    end
    return finish(web.read(self, url))
end

function session:add(source, options, callback)
    if not self.alive then
        error("session is closed", 2)
    end
    local kind = sources.kind(source)
    if kind == "url" then
        return add_page(self, source, options, callback)
    elseif kind == "link" then
        return add_link(self, source, options)
    end
    local bytes, message, code = sources.read(source, kind)
    if not bytes then
        return nil, message, code
    end
    return add_bytes(self, bytes, options)
end

function session:remove(of, options)
    if core.type(of) ~= "torrent" or of.session ~= self then
        error("session:remove takes a torrent of this session", 2)
    end
    return of:remove(options)
end

-- It is gone at once, but those who wait for 'removed' still belong to it.
function torrent:remove(options)
    local attached = self:_attached(true)
    self:_remove(options)
    attached.removing = true
    return true
end

function torrent:set_priorities(priorities)
    local files = self.files
    for number, priority in pairs(priorities) do
        if not files[number] then
            error("there is no file " .. tostring(number), 2)
        end
        files[number].priority = priority
    end
end

-- ---- questions -------------------------------------------------------------------------------

-- Keeps the callback of a question that the event "read" will answer.
local function ask(owner, callback, begin)
    local state = owner:_state()
    state.reads, state.token = state.reads or {}, (state.token or 0) + 1
    local token = state.token
    local ok, message, code = begin(token)
    if not ok then
        return nil, message, code
    end
    state.reads[token] = callback
    return true
end

-- ---- the DHT ---------------------------------------------------------------------------------

local function lines(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do
        list[#list + 1] = line
    end
    return list
end

-- session.dht:get_peers(info_hash, [callback])
function dht:get_peers(info_hash, callback)
    return tasks.ask_or_wait("get_peers", callback, function(answer)
        return ask(self.session, function(text, message, code)
            answer(text and lines(text), message, code)
        end, function(token)
            return self:_get_peers(info_hash, token)
        end)
    end)
end

-- ---- reading ---------------------------------------------------------------------------------

-- torrent:read(offset, length, [callback])
function torrent:read(offset, length, callback)
    return tasks.ask_or_wait("read", callback, function(answer)
        return ask(self.session, answer, function(token)
            return self:_read(offset, length, token)
        end)
    end)
end

-- piece:read([callback])
function piece:read(callback)
    return self.torrent:read(self.offset, self.length, callback)
end

-- file:read([offset], [length], [callback]): within the file.
function file:read(offset, length, callback)
    offset = offset or 0
    local most = self.length - offset
    if type(offset) ~= "number" or offset < 0 or most < 0 then
        error("offset lies outside of the file", 2)
    end
    return self.torrent:read(self.offset + offset, math.min(length or most, most), callback)
end

return session
