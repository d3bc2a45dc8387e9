-- mare.sim: policies on a simulated swarm, in virtual time.
--
--     local result = mare.sim.swarm {
--         seeds = 1, peers = 100, pieces = 200,
--         policies = {
--             { share = 0.8, policy = { unchoke = function(peer) return peer.downloaded end } },
--             { share = 0.2, policy = "free_rider" },
--         },
--     }
--     print(result:table())
--
-- What decides is the engine's own code, and policies are asked by the same bridge as in a
-- session; only the network is a model (src/swarm/sim.h says which). Here the options are checked
-- and the results counted. The same options and seed give the same result.

local core = require "mare.core"
local chart = require "mare.sim_chart"

local sim = {}

local EVENTS = 100000 -- in one call of the raw half: then Lua may be interrupted
local BLOCK = 16384
local USEC = 1e6

-- ---- options ---------------------------------------------------------------------------------

local defaults = {
    seeds = 1, peers = 100, pieces = 200, piece_length = 256 * 1024,
    up = 100e3, down = 1e6, latency = 0.05, loss = 0, slots = 8,
    connections = 50, tracker_reply = 50, seed = 1, max_time = 24 * 3600,
}
local known = {
    churn = true, policies = true, block_length = true, sample = true,
}
local churn_fields = { arrive = true, linger = true, abort = true }
local group_fields = {
    share = true, policy = true, name = true, up = true, down = true, latency = true,
    slots = true, connections = true, play = true,
}
local seed_fields = {
    count = true, policy = true, up = true, latency = true, slots = true, connections = true,
}

local function complain(text, ...)
    error("mare.sim.swarm: " .. text:format(...), 0)
end

local function check_fields(given, allowed, more, what)
    for key in pairs(given) do
        if allowed[key] == nil and not (more and more[key]) then
            complain("%s has no option '%s'", what, tostring(key))
        end
    end
end

local function check_number(value, low, high, name)
    if type(value) ~= "number" then
        complain("%s must be a number, not a %s", name, type(value))
    elseif not (value >= low and value <= high) then
        complain("%s must be from %s to %s, not %s", name, low, high, value)
    end
    return value
end

local function check_integer(value, low, high, name)
    check_number(value, low, high, name)
    return math.tointeger(value) or complain("%s must be a whole number, not %s", name, value)
end

-- A number, or { least, most }: each peer draws its own.
local function check_range(value, low, high, name)
    if type(value) ~= "table" then
        check_number(value, low, high, name)
        return value, value
    elseif #value ~= 2 then
        complain("%s is a number or { least, most }", name)
    end
    check_number(value[1], low, high, name)
    check_number(value[2], low, high, name)
    if value[1] > value[2] then
        complain("%s: the least is more than the most", name)
    end
    return value[1], value[2]
end

local function whole(n)
    return math.floor(n + 0.5)
end

-- ---- policies --------------------------------------------------------------------------------

-- A name stands for a ready-made policy, lua/mare/policy/NAME.lua.
local function load_policy(name)
    local ok, policy = pcall(require, "mare.policy." .. name)
    if not ok then
        complain("there is no policy '%s'", name)
    end
    return policy
end

-- What an entry of `policies` says its peers do: functions, and how many they serve.
local function resolve(entry)
    local policy, slots = entry.policy, entry.slots
    if policy == "free_rider" then
        return nil, 0
    elseif policy == nil or policy == "builtin" then
        return nil, slots
    elseif type(policy) == "string" then
        policy = load_policy(policy)
    end
    if type(policy) == "function" then
        policy = policy()
    end
    if type(policy) ~= "table" then
        complain("policy must be a table of functions, a function that returns one, or a name, "
            .. "not a %s", type(policy))
    end
    return policy, slots
end

local function name_of(entry, number)
    return entry.name or type(entry.policy) == "string" and entry.policy
        or entry.policy == nil and "builtin" or "policy " .. number
end

-- { name = share } as a list, in the order of the names.
local function list_of(policies)
    local list, names = {}, {}
    for key in pairs(policies) do
        if type(key) == "string" then
            names[#names + 1] = key
        end
    end
    if #names == 0 then
        return policies
    elseif #policies > 0 then
        complain "policies is a list of tables or a table of shares by name, not both"
    end
    table.sort(names)
    for _, name in ipairs(names) do
        list[#list + 1] = { policy = name, share = policies[name] }
    end
    return list
end

-- Whole peers for each share: by the largest remainder, so that they add up.
local function count_shares(list, peers)
    local counts, order, left = {}, {}, peers
    for i, entry in ipairs(list) do
        counts[i] = math.floor(entry.share * peers + 1e-9)
        left = left - counts[i]
        order[i] = i
    end
    table.sort(order, function(a, b)
        local rest_a = list[a].share * peers - counts[a]
        local rest_b = list[b].share * peers - counts[b]
        if rest_a ~= rest_b then
            return rest_a > rest_b
        end
        return a < b
    end)
    for i = 1, left do
        counts[order[i]] = counts[order[i]] + 1
    end
    return counts
end

local function check_entry(entry, i)
    if type(entry) ~= "table" then
        complain("policies[%d] must be a table, not a %s", i, type(entry))
    end
    check_fields(entry, group_fields, nil, ("policies[%d]"):format(i))
    return entry.share and check_number(entry.share, 0, 1, ("the share of policies[%d]"):format(i))
end

-- Entries without a share divide what is left among them; if there are none, the built-ins get it.
local function read_policies(o)
    if o.policies ~= nil and type(o.policies) ~= "table" then
        complain("policies must be a table, not a %s", type(o.policies))
    end
    local list, sum, without = {}, 0, 0
    for i, entry in ipairs(list_of(o.policies or {})) do
        local share = check_entry(entry, i)
        sum, without = sum + (share or 0), without + (share and 0 or 1)
        list[i] = setmetatable({ share = share or false }, { __index = entry })
    end
    if sum > 1 + 1e-9 then
        complain("the shares of policies add up to %g, more than 1", sum)
    end
    for _, entry in ipairs(list) do
        entry.share = entry.share or (1 - sum) / without
    end
    if without == 0 and sum < 1 - 1e-9 then
        list[#list + 1] = { share = 1 - sum }
    end
    return list
end

-- ---- groups ----------------------------------------------------------------------------------

local function raw_group(o, entry, count, is_seed)
    local policy, slots = resolve(entry)
    local up_low, up_high = check_range(entry.up or o.up, 1000, 4e9, "up")
    local down_low, down_high = check_range(entry.down or o.down, 1000, 4e9, "down")
    local near, far = check_range(entry.latency or o.latency, 0, 10, "latency")
    return {
        count = count, seed = is_seed, policy = policy,
        up_low = whole(up_low), up_high = whole(up_high),
        down_low = whole(down_low), down_high = whole(down_high),
        latency_low = whole(near * USEC), latency_high = whole(far * USEC),
        slots = slots or o.slots,
        connections = check_integer(entry.connections or o.connections, 1, 10000, "connections"),
        play = whole(check_number(entry.play or 0, 0, 4e9, "play")),
    }
end

local function read_seeds(o)
    local seeds = o.seeds
    if type(seeds) ~= "table" then
        seeds = { count = seeds }
    end
    check_fields(seeds, seed_fields, nil, "seeds")
    return seeds, check_integer(seeds.count or 1, 0, 100000, "seeds")
end

-- A seed that is no faster than the others decides alone how long all take.
local function seed_entry(o, seeds)
    local low, high = check_range(o.up, 1000, 4e9, "up")
    local up = { math.min(10 * low, 4e9), math.min(10 * high, 4e9) }
    return setmetatable({ up = seeds.up or up }, { __index = seeds })
end

-- The groups as the raw half wants them, and what the result calls them.
local function read_groups(o)
    local seeds, seed_count = read_seeds(o)
    local groups, names = { raw_group(o, seed_entry(o, seeds), seed_count, true) }, { "seeds" }
    local list = read_policies(o)
    local counts = count_shares(list, check_integer(o.peers, 0, 100000, "peers"))
    for i, entry in ipairs(list) do
        groups[#groups + 1] = raw_group(o, entry, counts[i], false)
        names[#names + 1] = name_of(entry, i)
    end
    return groups, names
end

-- ---- settings --------------------------------------------------------------------------------

-- Bytes per round trip that packet loss leaves to one TCP flow: Mathis, Semke, Mahdavi and Ott,
-- "The macroscopic behavior of the TCP congestion avoidance algorithm", 1997.
local function loss_window(loss)
    return loss > 0 and math.max(1, whole(1.22 * 1460 / math.sqrt(loss))) or 0
end

-- A block is what flows without being interrupted. Big swarms take bigger ones, to be faster.
local function choose_block(o, peers, pieces)
    if o.block_length then
        return check_integer(o.block_length, 1024, 16 << 20, "block_length")
    end
    local least = o.piece_length / 16
    local coarse = peers * pieces > 250000 and o.piece_length / 4 or least
    return math.max(BLOCK, math.ceil(coarse))
end

local function check_churn(churn)
    if churn ~= nil and type(churn) ~= "table" then
        complain("churn must be a table { arrive, linger, abort }, not a %s", type(churn))
    end
    churn = churn or {}
    check_fields(churn, churn_fields, nil, "churn")
    for name in pairs(churn_fields) do
        if churn[name] ~= nil then
            check_number(churn[name], 0, 1e7, "churn." .. name)
        end
    end
    return churn
end

local function raw_settings(o)
    local churn = check_churn(o.churn)
    local pieces = check_integer(o.pieces, 1, 65536, "pieces")
    check_integer(o.piece_length, 1024, 64 << 20, "piece_length")
    local block = math.min(choose_block(o, o.peers, pieces), o.piece_length)
    local max_time = check_number(o.max_time, 1, 1e7, "max_time")
    local blocks = math.max(1, o.piece_length // block)
    if blocks > 1024 then
        complain "block_length is too small: a piece has 1024 blocks at most"
    end
    return {
        pieces = pieces, blocks = blocks, block_length = o.piece_length // blocks,
        tracker_reply = check_integer(o.tracker_reply, 0, 10000, "tracker_reply"),
        loss_window = loss_window(check_number(o.loss, 0, 0.5, "loss")),
        arrive = whole((churn.arrive or 0) * USEC),
        linger = churn.linger and whole(churn.linger * USEC),
        abort = churn.abort and whole(churn.abort * USEC),
        max_time = whole(max_time * USEC),
        sample = whole(check_number(o.sample or 10, 0.1, 1e6, "sample") * USEC),
        seed = check_integer(o.seed, 0, 1 << 53, "seed"),
    }
end

local function with_defaults(options)
    if type(options) ~= "table" then
        complain("options must be a table, not a %s", type(options))
    end
    check_fields(options, defaults, known, "it")
    local o = setmetatable({}, { __index = defaults })
    for key, value in pairs(options) do
        o[key] = value
    end
    local slots = o.slots
    if slots ~= math.huge then
        check_integer(slots, 0, 100000, "slots")
    end
    return o
end

-- ---- what came of it -------------------------------------------------------------------------

local Result = {}
Result.__index = Result

-- The value that a share q of the sorted list does not exceed.
local function quantile(sorted, q)
    return sorted[math.max(1, math.ceil(q * #sorted))]
end

-- Jain's index: 1 = all alike, 1/n = one has everything. (Jain, Chiu, Hawe 1984)
local function jain(values)
    local sum, squares = 0, 0
    for _, x in ipairs(values) do
        sum, squares = sum + x, squares + x * x
    end
    return squares > 0 and sum * sum / (#values * squares) or nil
end

local function mean(values)
    local sum = 0
    for _, x in ipairs(values) do
        sum = sum + x
    end
    return #values > 0 and sum / #values or nil
end

-- Of the peers for which `of` gives a number, these numbers.
local function gather(peers, of)
    local list = {}
    for _, peer in ipairs(peers) do
        list[#list + 1] = of(peer)
    end
    return list
end

local function total(peers, field)
    local sum = 0
    for _, peer in ipairs(peers) do
        sum = sum + peer[field]
    end
    return sum
end

local function ratio_of(peer)
    return peer.downloaded > 0 and peer.uploaded / peer.downloaded or nil
end

local function summarise(name, peers)
    local seconds = gather(peers, function(peer) return peer.seconds end)
    table.sort(seconds)
    local up, down = total(peers, "uploaded"), total(peers, "downloaded")
    return {
        name = name, peers = #peers, finished = #seconds, mean = mean(seconds),
        median = quantile(seconds, 0.5), p95 = quantile(seconds, 0.95),
        first = seconds[1], last = seconds[#seconds],
        uploaded = up, downloaded = down, ratio = down > 0 and up / down or nil,
        fairness = jain(gather(peers, ratio_of)),
    }
end

local function name_peers(raw, names)
    local by_group = {}
    for _, peer in ipairs(raw.peers) do
        local number = peer.group
        peer.group = names[number]
        peer.is_seed = number == 1
        peer.ratio = ratio_of(peer)
        if peer.finished and not peer.is_seed then
            peer.seconds = peer.finished - peer.joined
        end
        by_group[number] = by_group[number] or {}
        table.insert(by_group[number], peer)
    end
    return by_group
end

local function make_result(raw, names, settings)
    local by_group = name_peers(raw, names)
    local groups, leechers = {}, {}
    for number = 2, #names do
        groups[#groups + 1] = summarise(names[number], by_group[number] or {})
        table.move(by_group[number] or {}, 1, #(by_group[number] or {}), #leechers + 1, leechers)
    end
    local all = summarise("all", leechers)
    for _, group in ipairs(groups) do
        groups[group.name] = groups[group.name] or group
    end
    return setmetatable({
        peers = raw.peers, groups = groups, all = all, series = raw.series,
        seconds = raw.time, stalled = raw.stalled, fairness = all.fairness,
        utilisation = raw.capacity > 0 and raw.moved / raw.capacity or 0,
        moved = raw.moved, wasted = raw.wasted, events = raw.events,
        size = settings.pieces * settings.blocks * settings.block_length,
        policy = raw.policy, errors = raw.errors,
    }, Result)
end

function Result:table()
    return chart.table(self)
end

function Result:plot(options)
    return chart.plot(self, options)
end

-- Writes a picture: true, or nil and why not.
function Result:svg(path)
    local file, message = io.open(path, "wb")
    if not file then
        return nil, message, "io"
    end
    local ok
    ok, message = file:write(chart.svg(self))
    file:close()
    if not ok then
        return nil, message, "io"
    end
    return true
end

Result.__tostring = Result.table

-- ---- the module ------------------------------------------------------------------------------

local function prepare(options)
    local o = with_defaults(options)
    local groups, names = read_groups(o)
    local settings = raw_settings(o)
    return core.sim(settings, groups), names, settings
end

function sim.swarm(options)
    local ok, raw, names, settings = pcall(prepare, options)
    if not ok then
        error(raw, 2) -- misuse is the caller's line, not this one
    end
    while raw:run(EVENTS) do end -- luacheck: ignore 542
    return make_result(raw:results(), names, settings)
end

return sim
