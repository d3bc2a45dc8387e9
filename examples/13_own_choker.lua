-- Your own choker: who gets an upload slot is what policy.unchoke says. Here a seed serves friends
-- first, by address, and strangers only when no friend wants anything.
--
--     lua5.4 examples/13_own_choker.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local swarm = require("support.swarm").new(6 << 20)

local friends = { ["127.0.0.21"] = true }
local names = { ["127.0.0.21"] = "friend", ["127.0.0.31"] = "stranger" }

local function unchoke(peer)
    return friends[peer.ip] and 1 or false
end

-- A seed with little bandwidth and two who want all of it: how much each has after three seconds.
local function share(policy)
    local seed = swarm:seed { up_rate = 1e6 }
    seed.policy.unchoke = policy
    local list = {}
    for ip in pairs(names) do
        local torrent = swarm:join { bind = ip }
        torrent:connect(seed.data.address)
        list[#list + 1] = torrent
    end
    swarm:run_until(function() return false end, 3)
    local have = {}
    for _, torrent in ipairs(list) do
        have[names[torrent.data.address:match "^[^:]+"]] = torrent.downloaded
    end
    seed:remove()
    return have
end

local function show(title, have)
    print(("%-10s friend %7d bytes   stranger %7d bytes"):format(title, have.friend, have.stranger))
end

local before = share(nil)
show("built-in:", before)
local after = share(unchoke)
show("own:", after)
-- The few pieces that anybody may have at once (BEP 6) are all that is left for strangers.
print(after.friend > 3 * after.stranger and before.friend < 2 * before.stranger
    and "the policy has decided who is served" or "the policy changed nothing")
swarm:close()
