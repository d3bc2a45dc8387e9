-- Which policy is best when a fifth of the peers give nothing? Three of them on simulated swarms,
-- in virtual time: nothing is sent, and the same seeds give the same numbers.
--
--     lua5.4 examples/12_compare_policies.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local policy = require "mare.policy"

local policies = {
    { "tit for tat", policy.tit_for_tat },
    { "generous", policy.generous },
    { "anti-leech", function() return policy.anti_leech { allowance = 1 << 20 } end },
}
local SEEDS = 3 -- of chance: one swarm proves little

local function simulate(make, seed)
    return mare.sim.swarm {
        peers = 100, pieces = 100, seed = seed, churn = { linger = 0 },
        policies = {
            { share = 0.8, name = "givers", policy = make() },
            { share = 0.2, name = "free riders", policy = "free_rider" },
        },
    }
end

-- The mean time of a kind of peer, over all seeds.
local function measure(make)
    local times, last = { ["givers"] = 0, ["free riders"] = 0 }, nil
    for seed = 1, SEEDS do
        last = simulate(make, seed)
        for kind, time in pairs(times) do
            local group = last.groups[kind]
            -- Who never finished is counted with the time at which it was over.
            local sum = (group.mean or 0) * group.finished
                + last.seconds * (group.peers - group.finished)
            times[kind] = time + sum / group.peers / SEEDS
        end
    end
    return times, last
end

local results, best, picture = {}, nil, nil
print "                 givers   free riders   (mean seconds until complete)"
for _, entry in ipairs(policies) do
    local name, make = table.unpack(entry)
    local times, last = measure(make)
    results[name] = times
    best = best and results[best].givers <= times.givers and best or name
    print(("%-14s %8.1f %13.1f"):format(name, times.givers, times["free riders"]))
    picture = picture or last:plot { height = 9 }
end

print("\nunder tit for tat:\n" .. picture)
local cost = results["tit for tat"]["free riders"] / results["generous"]["free riders"]
print(("\nfree riders take %.2f times as long under tit for tat as under generous"):format(cost))
print("givers are served best by " .. best)
