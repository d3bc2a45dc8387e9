-- session:record and mare.replay: what policies are asked is written down, and asked again.

local loopback = require "support.loopback"
local json = require "mare.json"
local mare = require "mare"

local swarm, path
before_each(function()
    swarm = loopback.new()
    path = swarm.root .. "/recording.jsonl"
end)
after_each(function() swarm:close() end)

-- A download that is recorded; `policy` is the session's.
local function record(policy)
    local session = swarm:session()
    assert(session:record(path))
    mare.policy.apply(session, policy)
    local torrent = swarm:add(session)
    swarm:until_true(function() return torrent.done end)
    assert(session:record(nil))
    return session
end

local function lines()
    local list = {}
    for line in io.lines(path) do
        list[#list + 1] = line
    end
    return list
end

local function backwards(piece) return piece.index end

describe("session:record", function()
    it("writes a first line that names the columns, and one for each round", function()
        record {}
        local list = lines()
        local header = assert(json.decode(list[1]))
        assert.equal(1, header.mare_record)
        assert.equal("address", header.candidate[1])
        local asked = {}
        for i = 2, #list do
            local round = assert(json.decode(list[i]))
            assert.equal(#round.rows, #round.said)
            assert.equal("builtin", round.by)
            asked[round.ask] = true
        end
        assert.same({ admit = true, connect = true, piece = true }, asked)
    end)

    it("says who answered, and what", function()
        local calls = 0
        record { piece = backwards,
            connect = function()
                calls = calls + 1
                error "no"
            end }
        local by = {}
        for i, line in ipairs(lines()) do
            local round = i > 1 and json.decode(line) or {}
            if round.ask == "piece" then
                assert.same(round.rows[1][1], round.said[1])
            end
            by[round.ask or 0] = round.by
        end
        assert.same({ admit = "builtin", connect = "failed", piece = "policy" }, by)
        assert.truthy(calls > 0)
    end)

    it("ends with the session, and begins anew with another path", function()
        local session = swarm:session()
        assert(session:record(path))
        assert(session:record(path .. ".2"))
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        session:close(0)
        assert.equal(1, #lines())
        assert.truthy(assert(mare.replay(path .. ".2", {})).rounds > 0)
    end)

    it("returns why it cannot", function()
        local session = swarm:session()
        local ok, message, code = session:record(swarm.root .. "/none/file")
        assert.is_nil(ok)
        assert.matches("cannot record to .*none/file", message)
        assert.equal("notfound", code)
        assert.has_error(function() session:record(7) end)
    end)

    it("tells of a disk that refuses, and the session goes on", function()
        local session = swarm:session()
        local told
        session:on("error", function(_, message) told = message end)
        assert(session:record "/dev/full")
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done and told end)
        assert.matches("recording to /dev/full has stopped: ", told)
        assert(session:record(nil))
    end)

    it("may be called inside a policy, and begins after the step", function()
        local session, begun = swarm:session(), nil
        session.policy.connect = function()
            begun = begun or session:record(path)
        end
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        assert.is_true(begun)
        assert(session:record(nil))
        assert.truthy(#lines() > 1)
    end)
end)

describe("mare.replay", function()
    it("finds no difference in the same policy, whoever decided", function()
        for _, policy in ipairs { {}, { piece = backwards }, mare.policy.sequential() } do
            record(policy)
            local result = assert(mare.replay(path, policy))
            assert.is_true(result.same)
            assert.truthy(result.questions.piece.rounds > 0)
            assert.equal(1, result.questions.piece.correlation)
        end
    end)

    it("finds where another one differs", function()
        record { piece = backwards }
        local result = assert(mare.replay(path, "sequential"))
        local piece = result.questions.piece
        assert.is_false(result.same)
        assert.equal(piece.rounds, piece.order_differs)
        assert.equal(piece.rounds, piece.chosen_differ)
        assert.truthy(math.abs(piece.correlation + 1) < 1e-9)
        local moved = piece.differences[1].rows[1]
        assert.equal(1, moved.was_place)
        assert.equal(moved.was, moved.row.index) -- its score was its number
        assert.equal(0, result.questions.connect.order_differs)
        assert.matches("piece +%d+ +%d+ +%d+ %(100 %%%) +%d+ %(100 %%%) +%-1.000", result:table())
        assert.matches("piece, line %d+, after [%d.]+ s:\n +%d+ +place 1 ", result:table())
    end)

    it("notes who would not have been admitted", function()
        record {}
        local result = assert(mare.replay(path, { admit = function() return false end }))
        assert.equal(result.questions.admit.rounds, result.questions.admit.chosen_differ)
        assert.is_nil(result.questions.admit.differences[1].rows[1].place)
    end)

    it("asks with rows that have what the living ones have", function()
        local live, again = {}, {}
        local peer_fields, piece_fields = { "session", "torrent" }, {}
        for _, name in ipairs(require "mare.core"._members().peer.properties) do
            if name ~= "session" and name ~= "torrent" and name ~= "data" then
                table.insert(peer_fields, name)
            end
        end
        for _, name in ipairs { "index", "length", "offset", "hash", "state", "have",
            "availability", "received", "progress", "priority", "deadline" } do
            table.insert(piece_fields, name)
        end
        local function look(into)
            return function(piece, peer)
                for i = 3, #peer_fields do
                    into["peer " .. peer_fields[i]] = peer[peer_fields[i]]
                end
                for _, name in ipairs(piece_fields) do
                    into["piece " .. name] = piece[name]
                end
                into.holders, into.files = #piece.holders, #piece.files
                into.has, into.done = peer:has(piece.index), peer.torrent.done
                return -piece.index
            end
        end
        record { piece = look(live) }
        local result = assert(mare.replay(path, { piece = look(again) }))
        assert.is_true(result.same)
        assert.same({}, result.errors)
        assert.same(live, again)
    end)

    it("counts what the policy asks for, and does nothing", function()
        record { piece = backwards }
        local result = assert(mare.replay(path, {
            piece = function(piece, peer)
                peer:ban(60)
                return piece.index
            end,
        }))
        assert.is_true(result.same)
        assert.equal(result.questions.piece.rows, result.questions.piece.actions.ban)
    end)

    it("says when the policy fails, with the line", function()
        record {}
        local result = assert(mare.replay(path, { piece = function() error "bad idea" end }))
        assert.truthy(result.questions.piece.failures > 0)
        assert.matches("^line %d+: policy piece failed.*bad idea", result.errors[1])
        assert.is_true(result.same) -- the built-in decided, as it had
    end)

    it("takes a file, by the rules for such files", function()
        record {}
        loopback.write(swarm.root .. "/p.lua", "return { piece = function(p) return p.index end }")
        assert.is_false(assert(mare.replay(path, swarm.root .. "/p.lua")).same)
        loopback.write(swarm.root .. "/p.lua", "return { piece = io.open }")
        local ok, message = mare.replay(path, swarm.root .. "/p.lua")
        assert.is_nil(ok)
        assert.matches("p.lua", message)
    end)

    it("returns what is wrong with a policy that does not exist; raises on nonsense", function()
        record {}
        assert.is_nil((mare.replay(path, "no_such_policy")))
        assert.is_nil((mare.replay(path .. ".none", {})))
        for _, bad in ipairs { 7, true } do
            assert.has_error(function() mare.replay(path, bad) end)
        end
        assert.has_error(function() mare.replay(path, { unchoke = 5 }) end)
    end)
end)

describe("broken recordings", function()
    local good
    before_each(function()
        record {}
        good = lines()
    end)

    local function replayed(list, ending)
        loopback.write(path, table.concat(list, "\n") .. (ending or "\n"))
        return mare.replay(path, { admit = function() return 1 end })
    end

    -- The last line with some of it replaced.
    local function spoil(from, to, plain)
        local list = table.move(good, 1, #good, 1, {})
        local changed
        for i = 2, #list do
            local at, stop = list[i]:find(from, 1, plain)
            if at then
                list[i], changed = list[i]:sub(1, at - 1) .. to .. list[i]:sub(stop + 1), i
                break
            end
        end
        assert(changed, "nothing like " .. from)
        return list, changed
    end

    it("that were cut off say in which line", function()
        local list = table.move(good, 1, #good, 1, {})
        list[#list] = list[#list]:sub(1, 40)
        local ok, message, code = replayed(list, "")
        assert.is_nil(ok)
        assert.equal("format", code)
        assert.matches(("line %d: the recording was cut off"):format(#list), message)
    end)

    it("of another version say so", function()
        local ok, message = replayed { (good[1]:gsub('"mare_record":1', '"mare_record":99')) }
        assert.is_nil(ok)
        assert.matches("line 1: the recording has version 99, and this mare reads", message)
    end)

    local no_recordings = {
        { "nothing", {}, "" }, { "an empty line", { "" } }, { "something else", { "d8:announce" } },
        { "a number", { "1" } }, { "no columns", { '{"mare_record":1}' } },
        { "columns of numbers", { '{"mare_record":1,"peer":[1],"piece":[],"candidate":[]}' } },
        { "nesting", { '{"mare_record":1,"peer":' .. ("["):rep(5000) } },
    }
    for _, case in ipairs(no_recordings) do
        it("that are none: " .. case[1], function()
            local ok, message, code = replayed(case[2], case[3])
            assert.is_nil(ok)
            assert.equal("format", code)
            assert.matches("line 1: ", message)
        end)
    end

    -- what is replaced, by what, what the sentence says
    local spoiled = {
        { '"ask":"%a+"', '"ask":"why"', "question" },
        { '"ask":"%a+",', "", "unknown kind" },
        { '"said":%[.-%]', '"said":[]', "one answer for each row" },
        { '"said":%[null', '"said":[true', "scores, false and null" },
        { '"said":%[null', '"said":["1"', "scores, false and null" },
        { '"said":%[null', '"said":[nan', "broken" },
        { '"rows":%[%[.*%]%],', '"rows":[],', "list of 1 to" },
        { '"rows":%[%[', '"rows":[[],[', "list of its" },
        { '"rows":%[%["[^"]*"', '"rows":[["nowhere"', "address" },
        { '"rows":%[%["[^"]*",%d+', '"rows":[["1.2.3.4:5",-1', "sources" },
        { '"rows":%[%["[^"]*",%d+', '"rows":[["1.2.3.4:5",1e300', "sources" },
        { '"rows":%[%["[^"]*",%d+', '"rows":[["1.2.3.4:5",0.5', "sources" },
        { '"rows":%[%["[^"]*",%d+', '"rows":[["1.2.3.4:5",[[]]', "sources" },
        { '"torrent":%d+', '"torrent":-1', "torrent" },
        { '"slots":%d+', '"slots":99999999999', "slots" },
        { '"for":%[%d+', '"for":["x"', "peer" },
        { '"for":%[', '"for":7,"x":[', "list of its" },
        { '"missing"', '"lost"', "state" },
        { '"fffffe"', '"ffffxx"', "hexadecimal" },
        { '"fffffe"', '"' .. ("ff"):rep(5000) .. '"', "short" },
        { '"self":{', '"self":{"downloaded":-1},"x":{', "downloaded" },
        { "{", "{{", "broken" },
        { "}$", "", "broken" },
    }
    for _, case in ipairs(spoiled) do
        it(("complain of %s -> %s"):format(case[1], case[2]:sub(1, 30)), function()
            local list, line = spoil(case[1], case[2])
            local ok, message, code = replayed(list)
            assert.is_nil(ok)
            assert.equal("format", code)
            assert.matches(("line %d: "):format(line), message)
            assert.matches(case[3], message)
        end)
    end

    it("with columns that nobody knows are read all the same", function()
        local list = table.move(good, 1, #good, 1, {})
        list[1] = list[1]:gsub('"failures"', '"successes"')
        local seen
        loopback.write(path, table.concat(list, "\n") .. "\n")
        assert(mare.replay(path, { connect = function(c) seen = c.failures end }))
        assert.equal(0, seen)
    end)

    it("count the rounds that are missing", function()
        table.insert(good, '{"lost":3}')
        assert.equal(3, replayed(good).lost)
        assert.matches("3 rounds are missing", replayed(good):table())
    end)
end)
