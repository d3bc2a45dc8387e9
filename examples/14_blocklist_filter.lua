-- A filter for connections: policy.admit asks a blocklist. (To refuse them all and always, the
-- option `blocklist` is simpler; a function may make exceptions, count, or look elsewhere.)
--
--     lua5.4 examples/14_blocklist_filter.lua [LIST...]      P2P, DAT or CIDR, mixed as they may be

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local swarm = require("support.swarm").new(1 << 20)

local path = os.tmpname()
local file = assert(io.open(path, "w"))
file:write [[
# P2P, DAT and CIDR
somebody:127.0.0.60-127.0.0.69
192.0.2.0 - 192.0.2.255 , 000 , documentation
198.51.100.0/24
]]
file:close()
local list = assert(mare.blocklist(path, table.unpack(arg)))
os.remove(path)
print(("the list has %d ranges"):format(#list))

local listed, good = swarm:seed { bind = "127.0.0.66" }, swarm:seed { bind = "127.0.0.5" }
local torrent = swarm:join()
local refused = {}
torrent.policy.admit = function(candidate)
    if list:has(candidate.ip) then
        refused[#refused + 1] = candidate.address
        return false
    end
end

torrent:suggest(listed.data.address)
torrent:suggest(good.data.address)
swarm:run_until(function() return torrent.done end)
print("refused, and never dialled: " .. table.concat(refused, ", "))
print(("complete: %d bytes from the good one, %d from the listed one"):format(good.uploaded,
    listed.uploaded))
swarm:close()
