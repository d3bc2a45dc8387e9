-- mare.policy: ready-made policies, and how to put them together.
--
--     local policy = require "mare.policy"
--     policy.apply(session, policy.tit_for_tat())
--     policy.apply(torrent, policy.compose(policy.rarest(), { policy.nearest(), weight = 0.5 }))
--
-- A policy is a table of the functions that session.policy knows: admit, connect, unchoke,
-- drop, piece, source; what it lacks stays the engine's own. Each ready-made one is a file of a
-- screen that returns a function of options, so read it, copy it, change it. Their scores lie
-- between 0 and 1 (one policy's bytes per second would drown another's piece numbers), so
-- weights mean something.

local policy = {}

policy.questions = { "admit", "connect", "unchoke", "drop", "piece", "source" }

policy.names = {
    "anti_leech", "fastest", "generous", "nearest", "rarest", "ratio", "seed_round_robin",
    "sequential", "stream", "tit_for_tat",
}

--- Sets all six questions of a session or torrent: what `chosen` lacks becomes the engine's own.
function policy.apply(target, chosen)
    for _, question in ipairs(policy.questions) do
        target.policy[question] = chosen[question]
    end
    return target
end

--- x >= 0 as a score below 1: `half` scores one half.
function policy.saturate(x, half)
    return x / (x + half)
end

-- The functions that parts have for a question, and their weights.
local function collect(parts, question)
    local functions, weights = {}, {}
    for _, part in ipairs(parts) do
        local chosen = part[1] or part
        if chosen[question] then
            functions[#functions + 1] = chosen[question]
            weights[#functions] = part.weight or 1
        end
    end
    return functions, weights
end

local function weighted(functions, weights)
    return function(...)
        local sum
        for i = 1, #functions do
            local score = functions[i](...)
            if score == false then
                return false
            elseif score then
                sum = (sum or 0) + score * weights[i]
            end
        end
        return sum
    end
end

--- One policy of several: scores are added, each times its weight (1 unless it is given as
--- { policy, weight = w }); whoever says false is obeyed; nil adds nothing, and if all say nil the
--- engine decides.
function policy.compose(...)
    local parts, composed = { ... }, {}
    for i, part in ipairs(parts) do
        if type(part) ~= "table" then
            error(("compose: argument %d is a %s; give policies, such as mare.policy.rarest()")
                :format(i, type(part)), 2)
        end
    end
    for _, question in ipairs(policy.questions) do
        local functions, weights = collect(parts, question)
        if #functions == 1 and weights[1] == 1 then
            composed[question] = functions[1]
        elseif #functions > 0 then
            composed[question] = weighted(functions, weights)
        end
    end
    return composed
end

local known = {}
for _, name in ipairs(policy.names) do
    known[name] = true
end

return setmetatable(policy, {
    __index = function(self, name)
        if known[name] then
            self[name] = require("mare.policy." .. name)
            return rawget(self, name)
        end
    end,
})
