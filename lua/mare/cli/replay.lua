-- replay: puts the questions of a recording (--record) to a policy, and shows where it differs.

local mare = require "mare"
local json = require "mare.cli.json"
local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"

local replay = {
    usage = "mare replay RECORDING [--policy FILE|NAME] [--json]",
    summary = "ask another policy what a recorded one was asked",
    words = { "RECORDING" },
    options = {
        { "--policy", value = "FILE|NAME", name = "policy",
            help = "a Lua file, or a ready-made one such as sequential (default: the built-ins)" },
        options.json, options.help,
    },
}

-- What a program wants to know of a question: an object of its own.
local function event_of(count)
    return {
        event = "question", question = count.name, rounds = count.rounds, rows = count.rows,
        order_differs = count.order_differs, chosen_differ = count.chosen_differ,
        correlation = count.correlation, failures = count.failures,
    }
end

function replay.run(opts, words)
    local result = transfer.check(mare.replay(words[1], opts.policy or {}))
    if not opts.json then
        for line in result:table():gmatch "[^\n]+" do
            print(report.printable(line))
        end
        return 0
    end
    for _, count in ipairs(result.questions) do
        if count.rounds > 0 then
            print(json.encode(event_of(count)))
        end
    end
    print(json.encode { event = "done", rounds = result.rounds, same = result.same,
        lost = result.lost })
    return 0
end

return replay
