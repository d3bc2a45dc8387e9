-- What would another policy have said? A download is recorded, round by round, and its questions
-- are put to others.
--
--     lua5.4 examples/19_record_replay.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local swarm = require("support.swarm").new(4 << 20)

local path = os.tmpname()
local torrent = swarm:join()
assert(torrent.session:record(path)) -- nobody has set a policy: the built-ins are recorded
for _ = 1, 3 do
    torrent:connect(swarm:seed({ up_rate = 2e6 }).data.address)
end
swarm:run_until(function() return torrent.done end)
assert(torrent.session:record(nil))

print(("the built-ins once more: %s"):format(assert(mare.replay(path, {})).same and "the same"
    or "not the same"))
for _, name in ipairs { "rarest", "sequential" } do
    local result = assert(mare.replay(path, name))
    print(("\n%s\n%s"):format(name, result:table()))
end
os.remove(path)
swarm:close()
