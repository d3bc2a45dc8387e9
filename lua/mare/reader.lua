-- reader: reading a file in order while it comes: what is said in Lua of it.

local core = require "mare.core"
local tasks = require "mare.tasks"

local reader = core.methods.reader

local CHUNK = 256 * 1024 -- most of one read, unless another length is asked for

-- The callback waits in the session's table, with the reader, which is not closed meanwhile.
local function start(self, max, as_view, callback)
    local state = self.session:_state()
    state.reads, state.token = state.reads or {}, (state.token or 0) + 1
    local token = state.token
    local ok, message, code = self:_read(max, token, as_view)
    if not ok then
        return nil, message, code
    end
    state.reads[token] = function(...)
        return self and callback(...)
    end
    return true
end

local function read(self, what, max, callback, as_view)
    if type(max) == "function" then
        max, callback = nil, max
    end
    return tasks.ask_or_wait(what, callback, function(answer)
        return start(self, max or CHUNK, as_view, answer)
    end)
end

-- reader:read([max], [callback]): bytes; nil at the end; nil, message, code.
function reader:read(max, callback)
    return read(self, "read", max, callback, false)
end

-- reader:view([max], [callback]): the same as a view.
function reader:view(max, callback)
    return read(self, "view", max, callback, true)
end

-- for bytes in reader:chunks([max]) do .. end: to the end of the file; a failure is raised.
function reader:chunks(max)
    return function()
        local bytes, message = self:read(max)
        if message then
            error(message, 2)
        end
        return bytes
    end
end

return reader
