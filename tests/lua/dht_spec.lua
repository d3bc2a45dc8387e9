-- session.dht: what a script sees of the DHT and asks of it; nodes on 127.0.0.1 that know only each
-- other.

local loopback = require "support.loopback"
local mare = require "mare"

local HASH = ("0123456789"):rep(4)

describe("session.dht", function()
    local swarm

    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    -- A session whose node enters by `router`.
    local function open(router, options)
        options = options or {}
        options.dht = { routers = router and { "127.0.0.1:" .. router.dht.port } or {} }
        return swarm:session(options)
    end

    -- A session of the swarm that is not told whether to have a DHT, as swarm:session tells it.
    local function untold(port)
        local session = assert(mare.session {
            port = port, bind = "127.0.0.1", directory = swarm.root,
        })
        table.insert(swarm.sessions, session)
        return session
    end

    -- Three nodes that know each other.
    local function network()
        local first = open()
        local second, third = open(first), open(first)
        assert(second.dht:add_node("127.0.0.1", third.dht.port))
        swarm:until_true(function()
            return second.dht.state == "ready" and third.dht.nodes > 0 and first.dht.nodes > 0
        end)
        return first, second, third
    end

    it("is off when it is not wanted, and says so", function()
        local session = swarm:session { dht = false }
        local dht = session.dht
        assert.equal("off", dht.state)
        assert.equal(0, dht.nodes)
        assert.is_nil(dht.id)
        assert.is_nil(dht.port)
        local ok, message, code = dht:add_node("127.0.0.1", 1)
        assert.same({ nil, "the DHT is off in this session", "unsupported" }, { ok, message, code })
        assert.equal("unsupported", select(3, dht:get_peers(HASH, print)))
    end)

    it("is off by default for a session that does not listen", function()
        assert.equal("off", untold(false).dht.state)
        assert.equal("bootstrapping", swarm:session { port = false, dht = true }.dht.state)
    end)

    it("is on by default, and alone on this machine it asks nobody", function()
        local session = untold(0)
        swarm:steps(50)
        assert.equal("bootstrapping", session.dht.state)
        assert.equal(session.port, session.dht.port)
        assert.truthy(session.dht.id:find "^%x+$")
        assert.equal(40, #session.dht.id)
        assert.equal(0, session.stats.dht_sent)
        assert.equal(0, session.stats.udp_sent)
    end)

    it("is the same value each time, and has a name", function()
        local session = untold(0)
        assert.equal(session.dht, session.dht)
        assert.equal("dht", mare.type(session.dht))
        assert.equal(session, session.dht.session)
        assert.truthy(tostring(session.dht):find "bootstrapping")
    end)

    it("dies with its session", function()
        local session = untold(0)
        local dht = session.dht
        session:close(0)
        assert.is_false(dht.alive)
        assert.has_error(function() return dht.nodes end, "session is closed")
    end)

    it("becomes ready, and counts what it costs", function()
        local first, second = network()
        assert.equal("ready", second.dht.state)
        assert.truthy(second.dht.nodes >= 1)
        assert.truthy(second.stats.dht_sent > 0)
        assert.truthy(first.stats.dht_received > 0)
        assert.truthy(second.stats.udp_sent >= second.stats.dht_sent)
        assert.truthy(second.dht.memory > 0)
    end)

    it("brings a download to its seed", function()
        local first, second, third = network()
        local seed = open(second, { directory = swarm.root .. "/data" })
        assert(seed:add(swarm.bytes, { seed = true }))
        swarm:until_true(function()
            return first.dht.stored_peers + second.dht.stored_peers + third.dht.stored_peers > 0
        end)
        local session = open(third)
        local torrent = assert(session:add(swarm.bytes))
        local found = {}
        torrent:on("peers", function(_, count, source)
            found[source] = (found[source] or 0) + count
        end)
        swarm:until_true(function() return torrent.done end)
        assert.truthy(found.dht >= 1)
    end)

    describe("get_peers", function()
        local function announced()
            local first, second, third = network()
            local seed = open(second, { directory = swarm.root .. "/data" })
            local torrent = assert(seed:add(swarm.bytes, { seed = true }))
            swarm:until_true(function()
                return first.dht.stored_peers + third.dht.stored_peers > 0
            end)
            return first, torrent.info_hash, "127.0.0.1:" .. seed.port
        end

        it("calls back with addresses", function()
            local session, hash, address = announced()
            local found
            assert.is_true(session.dht:get_peers(hash, function(peers) found = peers end))
            swarm:until_true(function() return found end)
            assert.same({ address }, found)
        end)

        it("suspends a task until it knows", function()
            local session, hash, address = announced()
            local found
            session:spawn(function() found = session.dht:get_peers(hash) end)
            swarm:until_true(function() return found end)
            assert.same({ address }, found)
        end)

        it("finds nobody where there is nobody", function()
            local _, session = network()
            local found
            assert(session.dht:get_peers(HASH, function(peers) found = peers end))
            swarm:until_true(function() return found end)
            assert.same({}, found)
        end)

        it("refuses more searches than it can hold", function()
            local session = open()
            local ok, message, code
            for _ = 1, 65 do
                ok, message, code = session.dht:get_peers(HASH, function() end)
            end
            assert.is_nil(ok)
            assert.truthy(message:find "64 searches")
            assert.equal("busy", code)
        end)

        it("raises for what is no hash, and outside of tasks without a callback", function()
            local session = open()
            for _, hash in ipairs { "", "xyz", HASH .. "0", ("g"):rep(40) } do
                assert.has_error(function() session.dht:get_peers(hash, print) end)
            end
            local ok, message = pcall(session.dht.get_peers, session.dht, HASH)
            assert.is_false(ok)
            assert.truthy(message:find "needs a callback outside of mare.spawn")
        end)

        it("answers nobody after the session is closed", function()
            local session = open()
            local called
            assert(session.dht:get_peers(HASH, function() called = true end))
            session:close(0)
            swarm:steps(5)
            assert.is_nil(called)
        end)
    end)

    describe("add_node", function()
        it("takes names and addresses", function()
            local first = open()
            for _, host in ipairs { "127.0.0.1", "localhost" } do
                local session = open()
                assert.is_true(session.dht:add_node(host, first.dht.port))
                swarm:until_true(function() return session.dht.nodes == 1 end)
            end
        end)

        it("raises for what is none", function()
            local dht = open().dht
            local wrong = { { "", 1 }, { "x", 0 }, { "x", 65536 }, { "x", "y" }, { nil, 1 } }
            for _, bad in ipairs(wrong) do
                assert.has_error(function() dht:add_node(bad[1], bad[2]) end)
            end
        end)
    end)

    describe("settings", function()
        it("raise when they make no sense", function()
            local wrong = {
                ["dht must be true, false or a table"] = 7,
                ["did you mean 'routers'"] = { router = {} },
                ["routers must be a table"] = { routers = "a:1" },
                ["routers%[2%] must be \"HOST:PORT\""] = { routers = { "a:1", "b" } },
                ["routers%[1%] must be \"HOST:PORT\""] = { routers = { "a b:1" } },
                ["read_only must be a boolean"] = { read_only = 1 },
            }
            for message, value in pairs(wrong) do
                local ok, said = pcall(mare.session, { bind = "127.0.0.1", dht = value })
                assert.is_false(ok)
                assert.truthy(said:find(message), said)
            end
        end)

        it("make it read-only", function()
            local first = open()
            local session = swarm:session { dht = { read_only = true, routers = {} } }
            assert.is_true(session.dht.read_only)
            assert(session.dht:add_node("127.0.0.1", first.dht.port))
            swarm:until_true(function() return session.dht.nodes == 1 end)
            assert.equal(0, first.dht.nodes)
        end)
    end)

    it("is remembered in the state directory", function()
        local first = open()
        local settings = { state = swarm.root .. "/state" }
        local session = open(nil, settings)
        assert(session.dht:add_node("127.0.0.1", first.dht.port))
        swarm:until_true(function() return session.dht.nodes == 1 end)
        local id = session.dht.id
        session:close(0)
        session = open(nil, settings)
        assert.equal(id, session.dht.id)
        swarm:until_true(function() return session.dht.nodes == 1 end)
    end)

    it("learns of nodes that a torrent names", function()
        local first = open()
        local nodes = ("5:nodesll9:127.0.0.1i%deee"):format(first.dht.port)
        local session = open()
        assert(session:add((swarm.bytes:gsub("e$", nodes .. "e"))))
        swarm:until_true(function() return session.dht.nodes == 1 end)
    end)
end)
