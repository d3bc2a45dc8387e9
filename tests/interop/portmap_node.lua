-- One session that asks the router for its port: portmap_node.lua PORT [LEASE] [BIND]. Prints
-- "portmap PORT IP SENTENCE" (or "failed CODE SENTENCE") as it is told. SIGINT closes the session
-- ("closing", "closed", each with the time) and ends the program in good order.
local core = require "mare.core"
local mare = require "mare"

io.stdout:setvbuf "line"
local session = assert(mare.session {
    port = tonumber(arg[1]), portmap = true, portmap_lease = tonumber(arg[2]), bind = arg[3],
    dht = { routers = {} }, lsd = false, -- nobody but the router is to hear of us
})
session:on("portmap", function(s, port, message, code)
    assert(s == session and s.external_port == port)
    if port then
        print("portmap", port, s.external_ip, message)
    else
        print("failed", code, message)
    end
end)
print "running"
core.catch_interrupts()
while not core.interrupted() do
    assert(session:step(0.1))
end
print("closing", mare.now())
session:close(0)
print("closed", mare.now())
os.execute "sleep 0.5" -- a worker that was left behind works on
os.exit(0, true) -- and the module is unloaded
