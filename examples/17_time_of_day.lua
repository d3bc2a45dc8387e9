-- A policy that knows the time of day: by day the line belongs to others, at night to us. Limits
-- are set from inside the policy; what it sets is done after the step.
--
--     lua5.4 examples/17_time_of_day.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local swarm = require("support.swarm").new(24 << 20)

local DAY, NIGHT = 1e6, 8e6 -- bytes per second

local began = mare.now()

-- Here an hour passes in a second, and it begins at six; in earnest this is os.date("*t").hour.
local function hour()
    return math.floor(6 + mare.now() - began) % 24
end

local function limit()
    return hour() >= 8 and hour() < 22 and DAY or NIGHT
end

local set

-- Asked whenever pieces are to be chosen.
local function piece(_, peer)
    if set ~= limit() then
        set = limit()
        peer.session.down_rate = set
        print(("%02d:00  down to %d kB/s at most"):format(hour(), set // 1000))
    end
end

local seed = swarm:seed()
local torrent = swarm:join()
torrent.policy.piece = piece
torrent:connect(seed.data.address)

local at = {}
while hour() < 11 and not torrent.done do
    local now, before = hour(), torrent.downloaded
    swarm:run_until(function() return hour() ~= now or torrent.done end)
    at[now] = torrent.downloaded - before
    print(("%02d:00  %6d kB came"):format(now, at[now] // 1000))
end
print(at[7] > 2 * at[10] and "the day is quieter than the night" or "no difference")
swarm:close()
