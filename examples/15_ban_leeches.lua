-- Clients that take and do not give are barred for a while, by what was measured: the ready-made
-- anti_leech, with numbers small enough to be seen at work. Rounds are held every 10 seconds.
--
--     lua5.4 examples/15_ban_leeches.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local swarm = require("support.swarm").new(24 << 20)

-- We download slowly from a seed; one neighbour gives what he has, the other one gives nothing.
local seed = swarm:seed { up_rate = 6e5 }
local us = swarm:join { bind = "127.0.0.10" }
local fair = swarm:join { bind = "127.0.0.20" }
local leech = swarm:join { bind = "127.0.0.30" }
leech.policy.unchoke = function() return false end

mare.policy.apply(us, mare.policy.anti_leech { allowance = 65536, strikes = 1, ban = 3 })

local function say(...)
    print(("%4.1f s  "):format(mare.now() - us.data.began) .. string.format(...))
end
us.data.began = mare.now()
local bans = 0
us.session:on("banned", function(_, who)
    bans = bans + 1
    say("banned %s", who)
end)

us:connect(seed.data.address)
fair:connect(seed.data.address)
fair:connect(us.data.address)
leech:connect(us.data.address)

local banned
swarm:run_until(function()
    banned = us.session.bans[1]
    return banned
end)
local taken = leech.downloaded
say("the leech took %d bytes, gave none, and may come back in %.0f s", taken, banned.seconds)
swarm:run_until(function() return #us.session.bans == 0 end)
say "he is let in again"
say(bans == 1 and "who gives was never touched" or "somebody else was barred, too")
swarm:close()
