-- Policies on loopback: each of the six functions changes what happens; and whatever a function
-- does, the download goes on and somebody is told why.

local loopback = require "support.loopback"
local mare = require "mare"

local QUESTIONS = { "admit", "connect", "unchoke", "drop", "piece", "source" }

local swarm
before_each(function() swarm = loopback.new() end)
after_each(function() swarm:close() end)

local function until_true(f) swarm:until_true(f) end

-- A further session that has everything; its torrent. The first of them is swarm.seed.
local function another_seed(options)
    local settings = { directory = swarm.root .. "/data" }
    for name, value in pairs(options or {}) do
        settings[name] = value
    end
    local torrent = assert(swarm:session(settings):add(swarm.bytes, { seed = true }))
    until_true(function() return torrent.state == "seeding" end)
    return torrent
end

local function address(session) return "127.0.0.1:" .. session.port end

-- What error events say, in order.
local function errors_of(session)
    local list = {}
    session:on("error", function(_, message, code)
        list[#list + 1] = message
        list.code = code
    end)
    return list
end

-- ---- outcomes --------------------------------------------------------------------------------

describe("policy.admit", function()
    it("keeps the engine from ever dialling an address", function()
        local good, bad = another_seed(), another_seed()
        local session = swarm:session()
        local asked = {}
        session.policy.admit = function(candidate)
            asked[candidate.address] = candidate.source
            return candidate.port ~= bad.session.port and nil
        end
        local torrent = assert(session:add(swarm.bytes))
        torrent:suggest(address(bad.session))
        torrent:suggest(address(good.session))
        until_true(function() return torrent.done end)
        assert.equal(0, bad.uploaded)
        assert.equal(0, bad.session.connection_count)
        assert.same({ [address(good.session)] = "pex", [address(bad.session)] = "pex" }, asked)
    end)

    it("turns away who connects, before he hears anything of us", function()
        local guarded = another_seed()
        local heard, seen = 0, {}
        guarded.session:on("peer", function() heard = heard + 1 end)
        guarded.session.policy.admit = function(candidate)
            seen = { candidate.incoming, candidate.source }
            return false
        end
        local session = swarm:session()
        local failed
        session:on("error", function(_, message) failed = failed or message end)
        local torrent = assert(session:add(swarm.bytes))
        torrent:connect(address(guarded.session))
        until_true(function() return failed end)
        assert.truthy(failed:find "is tried again")
        assert.same({ true, "incoming" }, seen)
        assert.equal(0, heard)
        guarded.policy.admit = function() end -- the torrent's own goes first
        local late = assert(swarm:session():add(swarm.bytes))
        late:connect(address(guarded.session))
        until_true(function() return late.done end)
        assert.equal(1, heard)
    end)
end)

describe("policy.connect", function()
    it("says whom to dial when there is room for one", function()
        local first, second = another_seed(), another_seed()
        local session = swarm:session()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        torrent.connections = 1
        torrent.policy.connect = function(candidate)
            return candidate.port == second.session.port and 2 or 1
        end
        torrent:connect(address(first.session))
        torrent:connect(address(second.session))
        torrent:resume()
        until_true(function() return torrent.done end)
        assert.equal(0, first.uploaded)
        assert.equal(0, first.session.connection_count)
        assert.equal(torrent.size, second.uploaded)
    end)

    it("puts off whom it says false to", function()
        local never, seed = another_seed(), another_seed()
        local session = swarm:session()
        session.policy.connect = function(candidate)
            return candidate.port ~= never.session.port and 0
        end
        local torrent = assert(session:add(swarm.bytes))
        torrent:connect(address(never.session))
        torrent:connect(address(seed.session))
        until_true(function() return torrent.done end)
        assert.equal(0, never.uploaded)
        assert.is_true(session.stats.policy.connect.calls < 10)
    end)
end)

describe("policy.unchoke", function()
    it("says who is served", function()
        local seed = swarm:seeder()
        local one, other = swarm:session(), swarm:session()
        local served = {}
        seed.policy.unchoke = function(peer)
            served[peer.id] = true
            return peer.id == other.peer_id and 1
        end
        local kept, favoured = swarm:add(one), swarm:add(other)
        until_true(function() return favoured.done end)
        assert.is_true(kept.pieces_have <= 10) -- what BEP 6 gives the choked, too
        assert.is_true(served[one.peer_id] and served[other.peer_id])
        seed.policy.unchoke = nil
        until_true(function() return kept.done end)
    end)

    it("falls back from torrent to session to engine", function()
        local seed = swarm:seeder()
        local torrent = seed:torrents()[1]
        seed.policy.unchoke = function() return false end
        torrent.policy.unchoke = function() return nil end
        assert.is_function(torrent.policy.unchoke)
        assert.is_nil(torrent.policy.piece)
        local alone = { pex = false, lsd = false, dht = false } -- nobody else serves them
        local mine = swarm:add(swarm:session(alone))
        until_true(function() return mine.done end)
        torrent.policy = nil
        assert.is_nil(torrent.policy.unchoke)
        local late = swarm:add(swarm:session(alone))
        until_true(function() return late.peers[1] and late.peers[1].interested end)
        swarm:steps(50)
        assert.is_true(late.pieces_have <= 10)
    end)
end)

describe("policy.drop", function()
    it("says who makes room", function()
        local seed = swarm:seeder()
        local torrent = seed:torrents()[1]
        local stays, goes = swarm:session(), swarm:session()
        seed.policy.unchoke = function() return false end -- so that nobody is of use
        seed.policy.drop = function(peer)
            return peer.id == goes.peer_id and 1 or false
        end
        swarm:add(stays)
        swarm:add(goes)
        until_true(function() return #torrent.peers == 2 end)
        for port = 1, 9 do
            torrent:suggest("127.0.0.1:" .. port) -- they wait for a place
        end
        torrent.connections, seed.turnover = 2, 0
        until_true(function() return #torrent.peers == 1 end)
        assert.equal(stays.peer_id, torrent.peers[1].id)
        assert.is_true(seed.stats.policy.drop.calls >= 2)
    end)
end)

-- Mean place in the order of arrival of the pieces from..to.
local function mean_place(order, from, to)
    local sum = 0
    for place, index in ipairs(order) do
        sum = sum + (index >= from and index <= to and place or 0)
    end
    return sum / (to - from + 1)
end

describe("policy.piece", function()
    it("says which piece comes first", function()
        local session = swarm:session { down_rate = 400000 } -- slower than hashing
        local order = {}
        session:on("piece", function(_, piece) order[#order + 1] = piece.index end)
        session.policy.piece = function(piece) return piece.index end
        local torrent = swarm:add(session)
        until_true(function() return torrent.done end)
        assert.equal(23, #order)
        assert.is_true(mean_place(order, 16, 22) < 6)
        assert.is_true(mean_place(order, 0, 6) > 18)
    end)

    it("says what a peer is not asked for, until it thinks better of it", function()
        local session = swarm:session()
        local held = true
        session.policy.piece = function(piece)
            if piece.index == 7 and held then
                return false
            end
        end
        local torrent = swarm:add(session)
        until_true(function() return torrent.pieces_have == 22 end)
        swarm:steps(20)
        assert.is_false(torrent:piece(7).have)
        held = false
        until_true(function() return torrent.done end)
    end)
end)

describe("policy.source", function()
    it("says who gets an urgent piece", function()
        local one, other = another_seed(), another_seed()
        local session = swarm:session()
        session.policy.source = function(peer, piece)
            assert(piece.deadline)
            return peer.port == other.session.port and 1
        end
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        until_true(function() return torrent.state == "downloading" end)
        for index = 0, torrent.pieces - 1 do
            torrent:piece(index).priority = 0
        end
        for index = 0, 7 do
            torrent:piece(index).priority, torrent:piece(index).deadline = 4, 1
        end
        torrent:connect(address(one.session))
        torrent:connect(address(other.session))
        torrent:resume()
        until_true(function() return torrent.pieces_have == 8 end)
        assert.equal(0, one.uploaded)
        assert.is_true(other.uploaded > 0)
    end)
end)

-- ---- what a function sees --------------------------------------------------------------------

describe("in a policy call", function()
    local function ask_once(question, f)
        local session = swarm:session()
        local result
        session.policy[question] = function(...)
            if not result then
                result = table.pack(pcall(f, ...))
            end
        end
        local torrent = swarm:add(session)
        until_true(function() return result end)
        torrent:connect("127.0.0.1:" .. swarm:another_port()) -- should it have closed that one
        until_true(function() return torrent.done end)
        return result, session, torrent
    end

    local function check(result)
        assert.is_true(result[1], result[2])
        return table.unpack(result, 2, result.n)
    end

    it("the peer is the one that the script knows", function()
        local session = swarm:session { down_rate = 100000 }
        local torrent = swarm:add(session)
        until_true(function() return torrent.peers[1] end)
        local known, seen, mark = torrent.peers[1], nil, nil
        known.data.mark = "x"
        session.policy.piece = function(_, peer) seen, mark = peer, peer.data.mark end
        until_true(function() return seen end)
        assert.equal(known, seen)
        assert.equal("x", mark)
    end)

    it("every property can be read, of peers, pieces and candidates", function()
        local core = require "mare.core"
        local function read(object, class)
            for _, name in ipairs(core._members()[class].properties) do
                local _ = object[name]
            end
            return tostring(object)
        end
        local piece, peer = check((ask_once("piece", function(piece, peer)
            assert(piece.files[1].path:find "^moon/" and piece.holders[1] == peer)
            assert(peer:has(piece.index) and not piece.have)
            return read(piece, "piece"), read(peer, "peer")
        end)))
        assert.equal("piece (0)", piece:gsub("%d+", "0"))
        assert.truthy(peer:find "^peer %(127%.0%.0%.1:")
        assert.truthy(check((ask_once("connect", function(candidate)
            return read(candidate, "candidate")
        end))):find "^candidate %(127")
    end)

    it("a candidate is gone when the call is over", function()
        local candidate = check((ask_once("connect", function(c) return c end)))
        assert.is_false(candidate.alive)
        assert.has_error(function() return candidate.port end,
            "candidate is good only inside the policy call that it was made for")
    end)

    it("actions wait until the step is over", function()
        local during, torrent
        local result, session
        result, session, torrent = ask_once("piece", function(piece, peer)
            peer:close "enough"
            piece.priority = 7
            peer.torrent.slots = 3
            peer.data.seen = true
            during = { peer.alive, piece.priority, peer.torrent.slots, peer.data.seen }
            return select("#", peer:ban(0)), peer:choke()
        end)
        assert.same({ 2, true, "queued" }, { check(result) })
        assert.same({ true, 4, 8, true }, during)
        assert.equal(3, torrent.slots)
        assert.is_true(session.alive)
    end)

    it("serving begins when the step is over", function()
        local result, session = ask_once("piece", function(_, peer)
            return peer.session.http, peer.session:serve { token = "later" }
        end)
        assert.same({ nil, true, "queued" }, { check(result) })
        assert.equal("later", session.http.token)
    end)

    it("a step is refused", function()
        local result = ask_once("piece", function(_, peer) return peer.session:step(0) end)
        assert.same({ nil, "already stepping", "busy" }, { result[2], result[3], result[4] })
    end)
end)

-- ---- safety ----------------------------------------------------------------------------------

-- Each is a policy function that does what it should not.
local misdeeds = {
    { "throws", function() error "oh no" end, "oh no" },
    { "throws a table", function() error {} end, "an error that is a table" },
    { "loops for ever", function() while true do end end, "more instructions" }, -- luacheck: ignore
    {
        "loops for ever and catches errors",
        function()
            while true do
                pcall(function() while true do end end) -- luacheck: ignore
            end
        end,
        "more instructions",
    },
    {
        "loops for ever in a coroutine",
        function()
            coroutine.wrap(function() while true do end end)() -- luacheck: ignore
        end,
        "more instructions",
    },
    {
        "takes memory without end",
        function()
            local all = {}
            while true do
                all[#all + 1] = ("x"):rep(100000 + #all)
            end
        end,
        "more memory",
    },
    {
        "takes memory at once, and catches errors",
        function()
            while true do
                pcall(string.rep, "x", 1 << 40)
                pcall(string.rep, "x", 1 << 30)
            end
        end,
        "more memory",
    },
    { "answers NaN", function() return 0 / 0 end, "a number that is none" },
    { "answers a string", function() return "5" end, "a string: a number" },
    { "answers true", function() return true end, "a true: a number" },
    { "answers a table", function() return {} end, "a table: a number" },
    { "yields", function() coroutine.yield(1) end, "yield" },
    { "asks for what there is not", function(x) return x.sped end, "has no property 'sped'" },
}

local harmless = {
    { "collects garbage", function() collectgarbage() end },
    {
        "replaces itself",
        function(object)
            for _, question in ipairs(QUESTIONS) do
                object.session.policy[question] = function() end
            end
        end,
    },
    { "sets a hook of its own", function() debug.sethook(function() end, "", 100) end },
    { "makes itself a task", function() mare.spawn(function() mare.sleep(0.01) end) end },
}

-- A download in which every question is put: one seed is choked and idle to be dropped, deadlines
-- are set, more addresses are known than there is room for.
local function download(session)
    local seed = address(swarm:seeder())
    local torrent = assert(session:add(swarm.bytes, { paused = true }))
    until_true(function() return torrent.state == "downloading" end)
    session.turnover = 0
    torrent:piece(3).deadline = 1
    for port = 1, 9 do
        torrent:suggest("127.0.0.1:" .. port)
    end
    torrent:connect(seed)
    torrent:resume()
    return torrent
end

describe("a function that", function()
    after_each(function() debug.sethook() end)

    for _, misdeed in ipairs(misdeeds) do
        local what, f, why = table.unpack(misdeed)
        it(what .. " hands over to the built-in, and is told of", function()
            local session = swarm:session { connections = 4 }
            local errors = errors_of(session)
            for _, question in ipairs(QUESTIONS) do
                session.policy[question] = f
            end
            local torrent = download(session)
            until_true(function() return torrent.done end)
            assert.is_true(#errors >= 3, "too few were asked")
            assert.equal("script", errors.code)
            for _, message in ipairs(errors) do
                assert.truthy(message:find(why, 1, true), message)
            end
            assert.truthy(errors[1]:find "^policy %l+ failed, the built%-in decides this time: ")
            local stats = session.stats.policy
            assert.is_true(stats.piece.fallbacks + stats.admit.fallbacks >= 2)
        end)
    end

    for _, deed in ipairs(harmless) do
        it(deed[1] .. " is no trouble", function()
            local session = swarm:session { connections = 4 }
            local errors = errors_of(session)
            for _, question in ipairs(QUESTIONS) do
                session.policy[question] = deed[2]
            end
            local torrent = download(session)
            until_true(function() return torrent.done end)
            assert.same({}, errors)
        end)
    end

    -- Lua's collector does not hurry where there is much else.
    it("leaves more garbage behind than it may have memory is no trouble", function()
        local ballast, part, rounds = ("x"):rep(100 << 20), ("x"):rep(1 << 20), 0
        collectgarbage()
        local session = swarm:session()
        local errors = errors_of(session)
        session.policy.piece = function()
            rounds = rounds + 1
            for i = 1, rounds < 4 and 50 or 0 do
                local _ = part .. i
            end
        end
        local torrent = download(session)
        until_true(function() return torrent.done end)
        assert.same({}, errors)
        assert.truthy(rounds > 0 and #ballast > 0)
    end)

    for _, question in ipairs(QUESTIONS) do
        it("closes the session in " .. question .. " closes it after the step", function()
            if question == "drop" or question == "unchoke" then
                local seed = swarm:seeder()
                seed.policy.unchoke = function() return false end
                seed.policy[question] = function(peer) peer.session:close(0) end
                local torrent = seed:torrents()[1]
                for port = 1, 9 do
                    torrent:suggest("127.0.0.1:" .. port)
                end
                torrent.connections = 1
                seed.turnover = question == "drop" and 0 or nil
                swarm:add(swarm:session())
                until_true(function() return not seed.alive end)
                return
            end
            local session = swarm:session()
            session.policy[question] = function(object) object.session:close(0) end
            download(session)
            until_true(function() return not session.alive end)
        end)

        it("removes the torrent in " .. question .. " removes it after the step", function()
            local session = swarm:session()
            local removed
            session:on("removed", function() removed = true end)
            session.policy[question] = function(object)
                object.torrent:remove()
                collectgarbage()
            end
            if question == "drop" or question == "unchoke" then
                session.policy.piece = function(_, peer) peer.torrent:remove() end
            end
            download(session)
            until_true(function() return removed end)
            assert.is_true(session.alive)
        end)
    end

    it("fails three times in a row is switched off, and the event says so", function()
        local session = swarm:session()
        local torrent = swarm:add(session)
        until_true(function() return torrent.done end)
        local errors, calls = errors_of(session), 0
        session.policy.admit = function()
            calls = calls + 1
            error "no"
        end
        for port = 1, 9 do
            torrent:suggest("127.0.0.1:" .. port)
            swarm:steps(3)
        end
        assert.equal(3, calls)
        assert.equal(3, #errors)
        assert.truthy(errors[3]:find "admit failed three times in a row and is switched off: ")
        assert.truthy(errors[3]:find "stack traceback")
        assert.is_nil(session.policy.admit)
        local stats = session.stats.policy.admit
        assert.same({ 3, 3 }, { stats.rounds, stats.fallbacks })
        session.policy.admit = print -- it may be tried again
        assert.equal(print, session.policy.admit)
    end)

    it("leaves a hook that was there where it was", function()
        local function hook() end
        local session = swarm:session()
        session.policy.piece = function(piece) return piece.index end
        debug.sethook(hook, "", 12345)
        local torrent = swarm:add(session)
        until_true(function() return torrent.done end)
        local now, mask, count = debug.gethook()
        assert.equal(hook, now)
        assert.same({ "", 12345 }, { mask, count })
    end)
end)

describe("assigning", function()
    it("refuses what is no function, and names that there are not", function()
        local session = swarm:session()
        assert.has_error(function() session.policy.unchoke = 5 end,
            "policy.unchoke must be a function or nil, not a number")
        assert.has_error(function() session.policy.unchok = print end)
        assert.has_error(function() session.policy = { unchok = print } end,
            "a policy has no function 'unchok'")
        assert.has_error(function() session.policy = 5 end)
        session.policy = { piece = print }
        assert.equal(print, session.policy.piece)
        session.policy = nil
        assert.is_nil(session.policy.piece)
    end)

    it("keeps no torrent and no session from being collected", function()
        local session = swarm:session()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        local weak = setmetatable({}, { __mode = "k" })
        local function f() return torrent end
        weak[f] = true
        torrent.policy.piece, f = f, nil -- luacheck: ignore
        torrent:remove()
        torrent = nil -- luacheck: ignore
        until_true(function()
            collectgarbage()
            return not next(weak)
        end)
    end)
end)

-- ---- actions ---------------------------------------------------------------------------------

describe("actions", function()
    it("choke and unchoke hold until they are over", function()
        local seed = swarm:seeder()
        local torrent = swarm:add(swarm:session { down_rate = 200000 })
        until_true(function() return torrent.pieces_have > 0 end)
        local peer = seed:torrents()[1].peers[1]
        peer:choke(math.huge)
        assert.is_true(peer.choking)
        until_true(function() return torrent.peers[1].choked end)
        swarm:steps(50)
        assert.is_true(peer.choking)
        peer:unchoke()
        assert.is_false(peer.choking)
        until_true(function() return torrent.done end)
    end)

    it("bans are listed and lifted", function()
        local session = swarm:session()
        local torrent = assert(session:add(swarm.bytes))
        local seed = address(swarm:seeder())
        torrent:ban(seed, 100)
        torrent:ban "198.51.100.7"
        assert.equal(2, #session.bans)
        assert.equal(seed, session.bans[1].address)
        assert.is_true(session.bans[1].seconds > 90)
        assert.same({ address = "198.51.100.7" }, session.bans[2])
        torrent:connect(seed)
        swarm:steps(5)
        assert.equal(0, #torrent.peers)
        assert.is_true(session:unban(seed))
        assert.is_false(session:unban(seed))
        torrent:connect(seed)
        until_true(function() return torrent.done end)
    end)
end)
