-- replay: mare.replay(path, policy) puts the questions of a recording (session:record) to another
-- policy and says where it differs.
--
--     local result = assert(mare.replay("swarm.jsonl", { unchoke = function(peer) .. end }))
--     print(result:table())
--     if not result.same then print(result.questions.unchoke.correlation) end
--
-- What is compared is what the engine makes of the answers: the order of the rows, and the first
-- of them, which are chosen. Where the policy has no function the built-in answers.

local core = require "mare.core"
local json = require "mare.json"
local policies = require "mare.policy"
local policy_file = require "mare.policy_file"

local replay = {}

local VERSION = 1
local MAX_LINE = 64 << 20
local MAX_DIFFERENCES = 5 -- rounds told of for each question ..
local MAX_MOVED = 5 -- .. and rows in each
local MAX_ERRORS = 10

-- What the rows of a question are.
local kinds = {
    admit = "candidate", connect = "candidate", unchoke = "peer", drop = "peer", source = "peer",
    piece = "piece",
}

-- ---- reading ---------------------------------------------------------------------------------

local function complain(format, ...)
    error({ replay = format:format(...) }, 0)
end

-- A line with its end; nil at the end of the file.
local function read_line(reader)
    local parts, size = {}, 0
    while true do
        local stop = reader.rest:find("\n", 1, true)
        local part = reader.rest:sub(1, stop)
        parts[#parts + 1], size = part, size + #part
        reader.rest = reader.rest:sub(#part + 1)
        if stop then
            return table.concat(parts)
        elseif size > MAX_LINE then
            complain "it is too long"
        end
        local more = reader.file:read(65536)
        if not more then
            return size > 0 and table.concat(parts) or nil
        end
        reader.rest = more
    end
end

local function parse(line)
    if line:sub(-1) ~= "\n" then
        complain "the recording was cut off in the middle of it"
    end
    local value, message = json.decode(line)
    if type(value) ~= "table" then
        complain("it is broken: %s", message or "an object is expected")
    end
    return value
end

local function read_header(reader)
    local line = read_line(reader)
    local header = line and line:find("mare_record", 1, true) and parse(line)
    if not header or not header.mare_record then
        complain "the file is no recording of session:record"
    elseif header.mare_record ~= VERSION then
        complain("the recording has version %s, and this mare reads version %d",
            tostring(header.mare_record), VERSION)
    end
    return header
end

-- ---- comparing -------------------------------------------------------------------------------

-- The place of each row; those without one share what is behind.
local function places(answer, n, question)
    local place, count = {}, #answer.order
    for row = 1, n do
        place[row] = (count + 1 + n) / 2
    end
    for i, row in ipairs(answer.order) do
        place[row] = question == "admit" and (1 + count) / 2 or i -- there is no order in it
    end
    return place
end

-- Spearman's: 1 the same order, 0 nothing in common, -1 the reverse. Where all rows of one are
-- equal: 1 if they are so in the other, too, else 0.
local function correlation(a, b, n)
    local mean, ab, aa, bb = (n + 1) / 2, 0, 0, 0
    for i = 1, n do
        local x, y = a[i] - mean, b[i] - mean
        ab, aa, bb = ab + x * y, aa + x * x, bb + y * y
    end
    if aa == 0 or bb == 0 then
        return aa == bb and 1 or 0
    end
    return ab / math.sqrt(aa * bb)
end

local function same_order(a, b)
    if #a ~= #b then
        return false
    end
    for i, row in ipairs(a) do
        if b[i] ~= row then
            return false
        end
    end
    return true
end

local function same_chosen(was, now)
    local chosen = {}
    for i = 1, was.chosen do
        chosen[was.order[i]] = true
    end
    for i = 1, now.chosen do
        if not chosen[now.order[i]] then
            return false
        end
    end
    return was.chosen == now.chosen
end

-- A row by the names of its columns.
local function row_of(columns, list)
    local row = {}
    for i, name in ipairs(columns) do
        if list[i] ~= core.null then
            row[name] = list[i]
        end
    end
    return row
end

local function known(value)
    if value ~= core.null then
        return value
    end
end

-- The rows that have another place now, the best of the recorded order first.
local function moved_rows(answer, round, columns)
    local before, after, moved = {}, {}, {}
    for i, row in ipairs(answer.was.order) do before[row] = i end
    for i, row in ipairs(answer.now.order) do after[row] = i end
    for row = 1, #round.rows do
        if before[row] ~= after[row] then
            moved[#moved + 1] = row
        end
    end
    table.sort(moved, function(a, b)
        local x, y = before[a] or math.huge, before[b] or math.huge
        if x ~= y then
            return x < y
        end
        return a < b
    end)
    for i, row in ipairs(moved) do
        moved[i] = i <= MAX_MOVED and {
            row = row_of(columns, round.rows[row]), was_place = before[row],
            place = after[row], was = known(answer.was.said[row]),
            now = known(answer.now.said[row]),
        } or nil
    end
    return moved
end

local function add_difference(count, answer, round, header, line)
    if #count.differences == MAX_DIFFERENCES then
        return
    end
    table.insert(count.differences, {
        line = line, at = type(round.at) == "number" and round.at / 1e6 or nil,
        torrent = round.torrent, by = round.by,
        rows = moved_rows(answer, round, header[kinds[round.ask]]),
    })
end

local function note_errors(result, count, answer, line)
    for name, times in pairs(answer.actions) do
        count.actions[name] = (count.actions[name] or 0) + times
    end
    if answer.error then
        count.failures = count.failures + 1
        if #result.errors < MAX_ERRORS then
            table.insert(result.errors, ("line %d: %s"):format(line, answer.error))
        end
    end
end

local function compare(result, answer, round, header, line)
    local count, n = result.questions[round.ask], #round.rows
    local was, now = answer.was, answer.now
    local differs = not same_order(was.order, now.order)
    count.rounds, count.rows = count.rounds + 1, count.rows + n
    count.sum = count.sum
        + correlation(places(was, n, round.ask), places(now, n, round.ask), n)
    count.correlation = count.sum / count.rounds
    if differs then
        count.order_differs = count.order_differs + 1
        add_difference(count, answer, round, header, line)
    end
    if not same_chosen(was, now) then
        count.chosen_differ = count.chosen_differ + 1
    end
    result.same = result.same and not differs
    note_errors(result, count, answer, line)
end

-- ---- the result ------------------------------------------------------------------------------

local result_methods = {}
result_methods.__index = result_methods

local function new_result(path)
    local result = setmetatable({
        path = path, same = true, rounds = 0, lost = 0, errors = {}, questions = {},
    }, result_methods)
    for i, question in ipairs(policies.questions) do
        local count = {
            name = question, rounds = 0, rows = 0, order_differs = 0, chosen_differ = 0,
            failures = 0, sum = 0, actions = {}, differences = {},
        }
        result.questions[i], result.questions[question] = count, count
    end
    return result
end

local function percent(part, whole)
    return ("%d (%.0f %%)"):format(part, 100 * part / whole)
end

local function say_place(place)
    return place and "place " .. place or "out"
end

local function say_score(score)
    return score == nil and "built-in" or score == false and "never"
        or ("%.4g"):format(score)
end

local function describe(question, difference)
    local lines = { ("%s, line %d%s:"):format(question, difference.line,
        difference.at and (", after %.1f s"):format(difference.at) or "") }
    for _, moved in ipairs(difference.rows) do
        lines[#lines + 1] = ("    %-24s %s (%s) -> %s (%s)"):format(
            tostring(moved.row.address or moved.row.index), say_place(moved.was_place),
            say_score(moved.was), say_place(moved.place), say_score(moved.now))
    end
    return table.concat(lines, "\n")
end

-- A line for each question that was asked, then the first differences of each.
function result_methods:table()
    local lines = {
        "question   rounds     rows  order differs  chosen differ  correlation",
    }
    for _, count in ipairs(self.questions) do
        if count.rounds > 0 then
            lines[#lines + 1] = ("%-8s %8d %8d %14s %14s %12.3f"):format(count.name,
                count.rounds, count.rows, percent(count.order_differs, count.rounds),
                percent(count.chosen_differ, count.rounds), count.correlation)
        end
    end
    for _, count in ipairs(self.questions) do
        for _, difference in ipairs(count.differences) do
            lines[#lines + 1] = describe(count.name, difference)
        end
    end
    for _, message in ipairs(self.errors) do
        lines[#lines + 1] = message
    end
    if self.lost > 0 then
        lines[#lines + 1] = ("%d rounds are missing from the recording"):format(self.lost)
    end
    return table.concat(lines, "\n")
end

-- ---- replaying -------------------------------------------------------------------------------

local function take_line(result, raw, header, line, number)
    local round = parse(line)
    if round.lost then
        result.lost = result.lost + (math.tointeger(round.lost) or 0)
        return
    elseif not round.ask then
        complain "it is of an unknown kind"
    end
    local ok, answer = pcall(raw.ask, raw, round)
    if not ok then
        complain("%s", tostring(answer))
    end
    result.rounds = result.rounds + 1
    compare(result, answer, round, header, number)
end

local function replay_file(file, path, policy)
    local reader, result, number = { file = file, rest = "" }, new_result(path), 1
    local ok, problem = pcall(function()
        local header = read_header(reader)
        local made, raw = pcall(core.replay, policy, header)
        if not made then
            complain("%s", tostring(raw))
        end
        number = 2
        for line in read_line, reader do
            take_line(result, raw, header, line, number)
            number = number + 1
        end
    end)
    if ok then
        return result
    elseif type(problem) ~= "table" or not problem.replay then
        error(problem, 0)
    end
    return nil, ("%s, line %d: %s"):format(path, number, problem.replay), "format"
end

local function is_ready_made(name)
    for _, each in ipairs(policies.names) do
        if each == name then
            return true
        end
    end
    return false
end

-- A table of functions; what makes one; the name of a ready-made one; a file.
local function resolve(policy)
    if type(policy) == "string" and policy:find "[./]" then
        return policy_file.read(policy)
    elseif type(policy) == "string" then
        local made = is_ready_made(policy) and policies[policy]
        if not made then
            return nil, "there is no ready-made policy '" .. policy .. "'", "notfound"
        end
        policy = made
    end
    if type(policy) == "function" then
        policy = policy()
    end
    if type(policy) ~= "table" then
        error(("replay takes a policy (a table of functions, a name or a file), not a %s")
            :format(type(policy)), 3)
    end
    return policy
end

local function check_functions(policy)
    for _, question in ipairs(policies.questions) do
        local kind = type(policy[question])
        if kind ~= "nil" and kind ~= "function" then
            error(("replay: policy.%s must be a function, not a %s"):format(question, kind), 3)
        end
    end
end

function replay.replay(path, policy)
    if type(path) ~= "string" then
        error("replay takes the path of a recording, not a " .. type(path), 2)
    end
    local chosen, message, code = resolve(policy)
    if not chosen then
        return nil, message, code
    end
    check_functions(chosen)
    local file, why, number = io.open(path, "rb")
    if not file then
        return nil, "cannot open the recording " .. why, number == 2 and "notfound" or "io"
    end
    local result
    result, message, code = replay_file(file, path, chosen)
    file:close()
    return result, message, code
end

return replay
