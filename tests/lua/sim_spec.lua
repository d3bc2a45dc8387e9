-- mare.sim: policies on simulated swarms. Seeds are fixed; what is asserted are directions that the
-- literature knows, with room, not numbers.

local mare = require "mare"

local function swarm(options)
    local o = { peers = 40, pieces = 40, seeds = 1, seed = 1 }
    for key, value in pairs(options or {}) do
        o[key] = value
    end
    return mare.sim.swarm(o)
end

-- All that is counted, as text.
local function fingerprint(result)
    local lines = { result:table() }
    for _, peer in ipairs(result.peers) do
        lines[#lines + 1] = ("%s %s %s %s"):format(peer.group, peer.finished, peer.uploaded,
            peer.downloaded)
    end
    return table.concat(lines, "\n")
end

describe("mare.sim.swarm", function()
    it("tells when each peer was complete, what it gave, and sums up by policy", function()
        local result = swarm()
        assert.equal(41, #result.peers)
        assert.equal("seeds", result.peers[1].group)
        assert.equal(40, result.all.finished)
        assert.equal(result.groups[1], result.groups.builtin)
        assert.equal(40 * 256 * 1024, result.size)
        local up, down = 0, 0
        for i, peer in ipairs(result.peers) do
            up, down = up + peer.uploaded, down + peer.downloaded
            assert.equal(i == 1, peer.is_seed)
            assert.equal(i == 1 and 0 or peer.finished - peer.joined, peer.seconds or 0)
        end
        assert.equal(up, down)
        assert.equal(up, result.moved)
        assert.equal(40 * result.size + result.wasted, result.moved)
        assert.truthy(result.groups.builtin.median <= result.groups.builtin.p95)
        assert.truthy(result.utilisation > 0 and result.utilisation <= 1)
        assert.truthy(result.fairness > 0.5 and result.fairness <= 1)
    end)

    it("gives the same result for the same seed, and another for another", function()
        local options = {
            churn = { arrive = 60, linger = 30, abort = 500 }, loss = 0.01,
            up = { 5e4, 2e5 }, latency = { 0.01, 0.2 },
            policies = { tit_for_tat = 0.5, nearest = 0.3 },
        }
        local first = fingerprint(swarm(options))
        assert.equal(first, fingerprint(swarm(options)))
        options.seed = 2
        assert.not_equal(first, fingerprint(swarm(options)))
    end)

    it("follows the swarm over time", function()
        local result = swarm { sample = 5 }
        local before = result.series[1]
        assert.equal(0, before.time)
        for i = 2, #result.series do
            local sample = result.series[i]
            assert.truthy(sample.time > before.time)
            assert.truthy(sample.finished >= before.finished and sample.copies >= before.copies)
            assert.truthy(sample.diversity >= 0 and sample.diversity <= 1)
            assert.truthy(sample.upload_use >= 0 and sample.upload_use <= 1)
            before = sample
        end
        assert.equal(40, before.finished)
        assert.equal(41, before.rarest)
    end)

    it("stalls when nobody has what is missing, and says so", function()
        local result = swarm { seeds = 0, peers = 5 }
        assert.is_true(result.stalled)
        assert.equal(0, result.all.finished)
        assert.truthy(result:table():find "it stalled")
    end)

    it("ends at max_time", function()
        local result = swarm { max_time = 20 }
        assert.equal(20, result.seconds)
        assert.equal(0, result.all.finished)
        assert.is_false(result.stalled)
    end)
end)

describe("a simulated policy", function()
    it("is asked by the bridge of a session: the same properties, the same verdicts", function()
        local seen = {}
        local result = swarm {
            policies = { { policy = {
                unchoke = function(peer)
                    seen.rate = seen.rate or peer.download_rate > 0 and peer.download_rate
                    seen.client, seen.ip = peer.client, peer.ip
                    seen.torrent = peer.torrent.done
                    peer.data.met = true
                    return peer.downloaded
                end,
                piece = function(piece, peer)
                    seen.piece = peer:has(piece.index) and piece.availability > 0
                end,
                connect = function(candidate) seen.source = candidate.source end,
                admit = function(candidate) seen.port = candidate.port end,
            } } },
        }
        assert.same({}, result.errors)
        assert.truthy(seen.rate)
        assert.equal("mare-sim", seen.client)
        assert.matches("^%d+%.%d+%.%d+%.%d+$", seen.ip)
        assert.is_boolean(seen.torrent)
        assert.is_true(seen.piece)
        assert.equal("tracker", seen.source)
        assert.equal(6881, seen.port)
        assert.truthy(result.policy.unchoke.calls > result.policy.unchoke.rounds)
        assert.equal(0, result.policy.unchoke.fallbacks)
    end)

    it("remembers what it knows of a peer, whenever the collector runs", function()
        local function result_of(collects)
            local judge = require("mare.policy").anti_leech { allowance = 1 << 17, patience = 30 }
            local n = 0
            return fingerprint(swarm { policies = {
                { share = 0.7, name = "anti_leech", policy = { unchoke = function(peer)
                    n = n + 1
                    if collects and n % 100 == 0 then collectgarbage() end
                    return judge.unchoke(peer)
                end } },
                { share = 0.3, policy = "free_rider" },
            } })
        end
        assert.equal(result_of(false), result_of(true))
    end)

    it("that fails is replaced by the built-in, and its errors are told", function()
        local function oops() error "oops" end
        local result = swarm { policies = { { policy = { unchoke = oops } } } }
        assert.equal(40, result.all.finished)
        assert.equal(3, result.policy.unchoke.fallbacks)
        assert.equal(3, #result.errors)
        assert.matches("oops", result.errors[1])
        assert.matches("switched off", result.errors[3])
    end)

    it("may ban: that peer gets no more", function()
        local banned = 0
        local result = swarm {
            policies = {
                { share = 0.5, policy = { unchoke = function(peer)
                    if peer.uploaded > 0 then
                        peer:ban()
                        banned = banned + 1
                        return false
                    end
                end } },
                { share = 0.5, policy = "free_rider" },
            },
        }
        assert.truthy(banned > 10)
        assert.truthy(result.all.finished < 40 or result.all.median > swarm().all.median)
    end)

    it("cannot run the swarm that asks it, nor keep what it was asked about", function()
        local kept
        local function keep(peer) kept = peer end
        swarm { peers = 5, policies = { { policy = { unchoke = keep } } } }
        assert.has_error(function() return kept.download_rate end)
        assert.truthy(tostring(kept))
    end)
end)

describe("the literature", function()
    -- Cohen 2003: who gives gets. The seed is not so fast that it decides alone.
    local function with_free_riders(policy, seed)
        return swarm {
            peers = 80, pieces = 80, seeds = { up = 1e6 }, churn = { linger = 0 }, seed = seed,
            policies = { { share = 0.8, name = "givers", policy = policy },
                { share = 0.2, policy = "free_rider" } },
        }
    end

    local function mean_of(policy, group)
        local sum = 0
        for seed = 1, 3 do
            sum = sum + with_free_riders(policy, seed).groups[group].mean
        end
        return sum / 3
    end

    it("free riders finish later under tit for tat than under generous", function()
        local slow, quick = mean_of("tit_for_tat", "free_rider"), mean_of("generous", "free_rider")
        assert.truthy(slow > 1.05 * quick)
    end)

    it("givers finish first under tit for tat, and sooner than under generous", function()
        local givers = mean_of("tit_for_tat", "givers")
        assert.truthy(givers < 0.95 * mean_of("tit_for_tat", "free_rider"))
        assert.truthy(givers < 0.97 * mean_of("generous", "givers"))
    end)

    it("pieces in order spread worse than the rarest first", function()
        local rare = swarm { policies = { rarest = 1 } }
        local ordered = swarm { policies = { sequential = 1 } }
        assert.truthy(ordered.all.median > 1.2 * rare.all.median)
    end)

    it("more peers of the same kind take hardly longer: the swarm scales", function()
        local few, many = swarm { peers = 20 }, swarm { peers = 160 }
        assert.truthy(many.all.median < 2 * few.all.median)
    end)

    it("loss and latency slow a flow down, as Mathis says", function()
        local function alone(loss, latency)
            return swarm {
                peers = 1, up = 1e6, seeds = { up = 1e6 }, loss = loss, latency = latency,
            }.all.median
        end
        assert.truthy(alone(0.02, 0.05) > 1.8 * alone(0.005, 0.05))
        assert.truthy(alone(0.02, 0.1) > 1.8 * alone(0.02, 0.05))
        assert.truthy(alone(0, 0.1) < 1.1 * alone(0, 0))
    end)
end)

describe("the result of a swarm", function()
    local result
    setup(function()
        local policies = { tit_for_tat = 0.5, free_rider = 0.5 }
        result = swarm { peers = 20, pieces = 10, policies = policies }
    end)

    it("prints a table with a line for each policy", function()
        local text = result:table()
        assert.equal(text, tostring(result))
        assert.matches("policy +peers +finished +median", text)
        assert.matches("tit_for_tat +10 +10 ", text)
        assert.matches("free_rider +10 +10 ", text)
        assert.matches("all +20 +20 ", text)
    end)

    it("plots in so many columns and lines", function()
        local lines = 0
        for line in result:plot { width = 40, height = 6 }:gmatch "[^\n]+" do
            lines = lines + 1
            assert.truthy(#line <= 48, line)
        end
        assert.equal(1 + 7 + 2 + 2, lines)
        assert.matches("100 %% |.*%*", result:plot { what = "finished" })
        assert.matches("evenness", result:plot { what = "diversity" })
        assert.has_error(function() result:plot { what = "nonsense" } end)
    end)

    it("draws well-formed SVG", function()
        local path = os.tmpname()
        assert.is_true(result:svg(path))
        local file <close> = assert(io.open(path))
        local text = file:read "a"
        os.remove(path)
        assert.matches("^<svg .*</svg>\n$", text)
        assert.matches(">tit_for_tat</text>", text)
        local _, opened = text:gsub("<g ", "")
        local _, closed = text:gsub("</g>", "")
        assert.equal(opened, closed)
        assert.is_nil(text:find "nan")
        assert.is_nil(text:find "inf")
    end)

    it("says why a picture cannot be written", function()
        local ok, message, code = result:svg "/nonexistent/x.svg"
        assert.is_nil(ok)
        assert.matches("nonexistent", message)
        assert.equal("io", code)
    end)
end)

describe("the reference of simulated swarms", function()
    local text = require "support.reference"

    local function names_in(pattern)
        local names = {}
        for name in text:gmatch(pattern) do names[name] = true end
        return names
    end

    local function fields_of(class)
        local block = text:match("%-%-%-@class " .. class .. "\n(.-)\n[^-]")
        local names = {}
        for name in block:gmatch "@field ([%w_]+)" do names[name] = true end
        return names
    end

    -- Fields that may be nil need not be in each example.
    local function assert_known(names, value)
        for key in pairs(value) do
            assert.is_true(type(key) ~= "string" or names[key], tostring(key))
        end
    end

    it("names exactly the functions", function()
        for name in pairs(names_in "function mare%.sim%.(%w+)%(") do
            assert.is_function(mare.sim[name])
        end
        for name in pairs(mare.sim) do
            assert.is_true(names_in "function mare%.sim%.(%w+)%("[name])
        end
    end)

    it("names what a result has", function()
        local result = swarm { peers = 5, pieces = 5, policies = { { name = "p" } } }
        local names = fields_of "mare.SimResult"
        assert_known(names, result)
        for name in pairs(names) do
            assert.not_nil(result[name], name)
        end
        for name in pairs(names_in "function SimResult:(%w+)%(") do
            assert.is_function(result[name])
        end
        result.groups.p = nil
        assert_known(fields_of "mare.SimPeer", result.peers[2])
        assert_known(fields_of "mare.SimGroup", result.groups[1])
        assert_known(fields_of "mare.SimSample", result.series[1])
    end)
end)

describe("misuse of mare.sim.swarm", function()
    local cases = {
        { nil, "options must be a table, not a nil" },
        { { peer = 3 }, "it has no option 'peer'" },
        { { peers = "many" }, "peers must be a number, not a string" },
        { { peers = 1.5 }, "peers must be a whole number" },
        { { peers = -1 }, "peers must be from 0 to 100000" },
        { { pieces = 0 }, "pieces must be from 1 to 65536" },
        { { up = 1 }, "up must be from 1000 to" },
        { { up = { 2000, 1000 } }, "up: the least is more than the most" },
        { { up = { 2000 } }, "up is a number or { least, most }" },
        { { loss = 0 / 0 }, "loss must be from 0 to 0.5" },
        { { seed = 1e300 }, "seed must be from 0" },
        { { slots = 0.5 }, "slots must be a whole number" },
        { { churn = 3 }, "churn must be a table" },
        { { churn = { leave = 3 } }, "churn has no option 'leave'" },
        { { seeds = { up = 1e6, kind = 1 } }, "seeds has no option 'kind'" },
        { { policies = "x" }, "policies must be a table, not a string" },
        { { policies = { nonsense = 1 } }, "there is no policy 'nonsense'" },
        { { policies = { { share = 0.7 }, { share = 0.7 } } }, "add up to 1.4, more than 1" },
        { { policies = { { shares = 1 } } }, "policies[1] has no option 'shares'" },
        { { policies = { { policy = 7 } } }, "policy must be a table of functions" },
        { { policies = { { policy = { chokes = print } } } }, "no function 'chokes'" },
        { { policies = { { policy = { unchoke = 7 } } } }, "policy.unchoke must be a function" },
        { { policies = { { share = 1 }, rarest = 1 } }, "not both" },
        { { block_length = 1024, piece_length = 16 << 20 }, "1024 blocks at most" },
    }
    for _, case in ipairs(cases) do
        it("is told: " .. case[2], function()
            local ok, message = pcall(mare.sim.swarm, case[1])
            assert.is_false(ok)
            assert.truthy(message:find(case[2], 1, true), message)
        end)
    end
end)
