-- embed.luv: a session inside luv's loop.
--
--     local driver = require "mare.embed.luv" (session)
--     uv.run()
--
-- The session's descriptor is polled, a timer wakes it when its timeout is over, and before the
-- loop sleeps the timer is set anew: so what a callback of yours did to the session counts at
-- once. The driver keeps the loop alive until the session or the driver is closed.

local driver = {}
driver.__index = driver

local function milliseconds(seconds)
    return math.ceil(math.min(seconds, 1e6) * 1000)
end

local function turn(self)
    local ok, message, code = self.session:step(0)
    if not self.session.alive then
        self:close()
    elseif not ok and code ~= "busy" then
        self.failed(message)
    end
end

local function set_timer(self)
    if not self.session.alive then
        return self:close()
    end
    local timeout = self.session:timeout()
    if timeout then
        self.timer:start(milliseconds(timeout), 0, self.turn)
    else
        self.timer:stop()
    end
end

-- Leaves the loop; the session itself stays as it is.
function driver:close()
    for _, handle in ipairs(self.handles) do
        if not handle:is_closing() then
            handle:close()
        end
    end
end

-- `failed` is called with what a handler raised when there is no handler for `error`; without it,
-- the error is raised in luv's loop. `uv` defaults to require "luv".
local function attach(session, failed, uv)
    uv = uv or require "luv"
    local self = setmetatable({ session = session }, driver)
    self.failed = failed or function(message) error(message, 0) end
    self.turn = function() turn(self) end
    local poll, prepare = uv.new_poll(assert(session:fd())), uv.new_prepare()
    self.timer = uv.new_timer()
    self.handles = { poll, prepare, self.timer }
    poll:start("r", self.turn)
    prepare:start(function() set_timer(self) end)
    return self
end

return attach
