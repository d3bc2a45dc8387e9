-- Each ready-made policy on simulated swarms: it has the effect that it is there for. Sums over
-- fixed seeds of chance, and the direction only: numbers belong to the model.

local mare = require "mare"
local policy = mare.policy

local SEEDS = 3

-- Adds up measure(result) over swarms of 60 peers with these options.
local function sum(options, measure)
    local total = 0
    for seed = 1, SEEDS do
        local o = { peers = 60, pieces = 60, seed = seed, churn = { linger = 0 } }
        for name, value in pairs(type(options) == "function" and options() or options) do
            o[name] = value
        end
        local result = mare.sim.swarm(o)
        assert.same({}, result.errors)
        total = total + measure(result)
    end
    return total
end

local function mean_time(result) return result.all.mean end

local function diversity(result)
    local total = 0
    for _, sample in ipairs(result.series) do
        total = total + sample.diversity
    end
    return total / #result.series
end

-- How much longer one group takes than the other.
local function times(longer, than)
    return function(result)
        return result.groups[longer].mean / result.groups[than].mean
    end
end

local function with_riders(make)
    return function()
        return { pieces = 120, policies = {
            { share = 0.8, name = "givers", policy = make() },
            { share = 0.2, name = "riders", policy = "free_rider" },
        } }
    end
end

-- Two halves that differ in one thing.
local function halves(make, option, this, that)
    return function()
        return { policies = {
            { share = 0.5, name = "this", policy = make(), [option] = this },
            { share = 0.5, name = "that", policy = make(), [option] = that },
        } }
    end
end

local function all(make, more)
    return function()
        local options = more or {}
        options.policies = { { policy = make(), play = options.play } }
        options.play = nil
        return options
    end
end

describe("on simulated swarms", function()
    it("rarest keeps pieces diverse, and is done before sequential", function()
        assert.truthy(sum(all(policy.rarest), diversity) > sum(all(policy.sequential), diversity))
        assert.truthy(sum(all(policy.rarest), mean_time) < sum(all(policy.sequential), mean_time))
    end)

    it("sequential with a taste for rare pieces is done before plain sequential", function()
        local function mixed() return policy.sequential { rare = 0.9 } end
        assert.truthy(sum(all(mixed), mean_time) < sum(all(policy.sequential), mean_time))
    end)

    it("stream spreads pieces as long as nobody plays", function()
        assert.truthy(sum(all(policy.stream), mean_time) < sum(all(policy.sequential), mean_time))
        assert.truthy(sum(all(policy.stream), diversity) > sum(all(policy.sequential), diversity))
    end)

    local function riders_suffer(make)
        local riders = times("riders", "givers")
        assert.truthy(sum(with_riders(make), riders) > sum(with_riders(policy.generous), riders))
    end

    it("tit_for_tat makes free riders finish later than generous does", function()
        riders_suffer(policy.tit_for_tat)
    end)

    it("anti_leech makes free riders finish later than generous does", function()
        riders_suffer(function()
            return policy.anti_leech { allowance = 1 << 18, ratio = 0.2, strikes = 2 }
        end)
    end)

    it("generous serves free riders about as well as givers", function()
        local factor = sum(with_riders(policy.generous), times("riders", "givers")) / SEEDS
        assert.truthy(factor > 0.9 and factor < 1.1)
    end)

    it("fastest leaves the slow further behind than generous does", function()
        local behind = times("that", "this")
        assert.truthy(sum(halves(policy.fastest, "up", 200e3, 30e3), behind)
            > sum(halves(policy.generous, "up", 200e3, 30e3), behind))
    end)

    it("nearest leaves the far further behind than generous does", function()
        local behind = times("that", "this")
        local function nearest() return policy.nearest { half = 0.05 } end
        assert.truthy(sum(halves(nearest, "latency", 0.005, 0.4), behind)
            > sum(halves(policy.generous, "latency", 0.005, 0.4), behind))
    end)

    it("ratio stops giving where others go on", function()
        local function most(result)
            local given = 0
            for _, peer in ipairs(result.peers) do
                given = math.max(given, peer.group == "seeds" and 0 or peer.uploaded / result.size)
            end
            return given
        end
        local function with(make) return all(make, { churn = { arrive = 200, linger = 400 } }) end
        local function early() return policy.ratio { ratio = 0.5 } end
        local function builtin() return {} end
        assert.truthy(sum(with(early), most) < sum(with(builtin), most))
    end)

    it("seed_round_robin gives more peers a turn than a seed with favourites", function()
        local served
        local function count(unchoke)
            return function()
                served = {}
                return { max_time = 300, pieces = 400, seeds = { count = 1, policy = {
                    unchoke = function(peer)
                        served[peer.address] = not peer.choking and not peer.optimistic
                            or served[peer.address]
                        return unchoke(peer)
                    end,
                } } }
            end
        end
        local function how_many()
            local n = 0
            for _, was in pairs(served) do
                n = n + (was and 1 or 0)
            end
            return n
        end
        local turns = sum(count(policy.seed_round_robin { turn = 30 }.unchoke), how_many)
        local favourites = sum(count(function(peer)
            return tonumber((peer.ip:gsub("%D", "")))
        end), how_many)
        assert.truthy(turns > favourites)
    end)

    for _, name in ipairs(policy.names) do
        it(("%s gives the same each time with the same seed"):format(name), function()
            local function trace()
                local result = mare.sim.swarm {
                    peers = 30, pieces = 40, seed = 7, policies = { { policy = name } },
                }
                assert.same({}, result.errors)
                local times_done = {}
                for i, peer in ipairs(result.peers) do
                    times_done[i] = peer.finished or false
                end
                return { result.seconds, result.moved, result.events, times_done }
            end
            assert.same(trace(), trace())
        end)
    end
end)
