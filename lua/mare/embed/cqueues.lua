-- embed.cqueues: a session inside a cqueues controller.
--
--     local driver = require "mare.embed.cqueues" (session, cq)
--     cq:loop()
--
-- One coroutine of the controller steps the session; handlers run in it, and may use what cqueues
-- offers. When another coroutine calls a method of the session while this one sleeps, driver:wake()
-- makes it count at once (it does within NAP seconds anyway).

local NAP = 0.1

local driver = {}
driver.__index = driver

-- What cqueues.poll asks of an object.
function driver:pollfd()
    return self.fd
end

function driver:events()
    return self.session:events()
end

function driver:timeout()
    return math.min(self.session:timeout() or NAP, NAP)
end

function driver:wake()
    self.woken:signal()
end

-- Closes the session. cqueues has to forget a descriptor before it is closed.
function driver:close(linger)
    self.cqueues.cancel(self.fd)
    self.session:close(linger)
    self:wake()
end

local function drive(self)
    while self.session.alive do
        local ok, message, code = self.session:step(0)
        if not self.session.alive then
            break
        elseif not ok and code ~= "busy" then
            self.failed(message)
        end
        self.cqueues.poll(self, self.woken)
    end
    self.cqueues.cancel(self.fd)
end

-- `failed` is called with what a handler raised when there is no handler for `error`; without it,
-- the error ends the coroutine, and cq:loop() returns it.
local function attach(session, controller, failed)
    local self = setmetatable({ session = session, fd = assert(session:fd()) }, driver)
    self.cqueues = require "cqueues"
    self.woken = require("cqueues.condition").new()
    self.failed = failed or function(message) error(message, 0) end
    controller:wrap(function() drive(self) end)
    return self
end

return attach
