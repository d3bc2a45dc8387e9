-- A policy in a file: what it may use, what is refused, and how it follows the file.

local command = require "support.command"
local loopback = require "support.loopback"
local process = require "support.process"

describe("load_policy", function()
    local swarm, session, path
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
        path = swarm.root .. "/policy.lua"
    end)
    after_each(function()
        process.cleanup()
        swarm:close()
    end)

    local function load_text(text)
        loopback.write(path, text)
        return session:load_policy(path)
    end

    it("takes the functions that the file returns", function()
        assert(load_text [[
            local session = ...
            return { piece = function(piece) return piece.index, session.port end }
        ]])
        assert.is_function(session.policy.piece)
        assert.is_nil(session.policy.unchoke)
        assert(load_text "return {}")
        assert.is_nil(session.policy.piece)
    end)

    it("gives it what is safe, and no more", function()
        assert(load_text [[
            local policy = require "mare.policy"
            assert(policy == mare.policy and require "mare.policy.rarest" == policy.rarest)
            assert(string.rep("x", 2) == "xx" and math.max(1, 2) == 2 and os.time() > 0)
            assert(_G.print and not rawget(_G, "x"))
            for _, name in ipairs { "io", "load", "loadfile", "dofile", "debug", "package",
                    "collectgarbage", "getmetatable", "coroutine" } do
                assert(_G[name] == nil, name)
            end
            assert(not os.execute and not os.exit and not os.remove and not string.dump)
            assert(not pcall(require, "io") and not pcall(require, "mare.core"))
            leaked = 1
            string.leaked, math.pi = 1, 3
            return policy.compose(policy.rarest(), { policy.nearest(), weight = 0.5 })
        ]])
        assert.is_nil(rawget(_G, "leaked"))
        assert.is_nil(rawget(string, "leaked"))
        assert.is_true(math.pi > 3.1)
        assert.is_function(session.policy.piece)
        assert.is_function(session.policy.connect)
    end)

    local bad = {
        { "return {", "format", "policy.lua:1:" },
        { "return 5", "format", "returns a number: a table of functions is expected" },
        { "return { unchok = print }", "format", "a policy has no function 'unchok'" },
        { "return { unchoke = 5 }", "format", "must be a function or nil, not a number" },
        { "error 'no'", "script", "policy.lua:1: no" },
        { "while true do end", "script", "more instructions" },
        { string.dump(function() return {} end), "format", "binary chunk" },
        { "", "format", "is empty" },
    }
    for _, case in ipairs(bad) do
        it("refuses " .. case[1]:gsub("%c.*", "bytecode"), function()
            assert(load_text "return { piece = print }")
            local ok, message, code = load_text(case[1])
            assert.is_nil(ok)
            assert.truthy(message:find(case[3], 1, true), message)
            assert.equal(case[2], code)
            assert.equal(print, session.policy.piece)
        end)
    end

    it("tells that there is no such file", function()
        local ok, message, code = session:load_policy(path)
        assert.is_nil(ok)
        assert.truthy(message:find "policy.lua")
        assert.equal("notfound", code)
        assert.has_error(function() session:load_policy(5) end,
            "load_policy takes a path, not a number")
    end)

    it("loads it again when it has changed; a bad version leaves the old one", function()
        local errors = {}
        session:on("error", function(_, message) errors[#errors + 1] = message end)
        assert(load_text "return { piece = print }")
        loopback.write(path, "return { piece = error }")
        swarm:until_true(function() return session.policy.piece == error end)
        assert.same({}, errors)
        loopback.write(path, "return {")
        swarm:until_true(function() return #errors == 1 end)
        assert.equal(error, session.policy.piece)
        assert.truthy(errors[1]:find "not loaded, the one before goes on: .*policy.lua:1:")
        os.remove(path)
        swarm:until_true(function() return #errors == 2 end)
        loopback.write(path, "return { drop = print }")
        swarm:until_true(function() return session.policy.drop == print end)
        assert.equal(2, #errors)
        assert(session:load_policy(nil))
        assert.is_nil(session.policy.drop)
    end)

    it("is what --policy does", function()
        loopback.write(path, [[
            return { admit = function(c) print("asked for " .. c.address) end,
                     piece = function() return nil end,
                     unchoke = function() error "oops" end }
        ]])
        local function get(...)
            local p = command.start(swarm, "get", swarm.path, "--policy", path, "--no-portmap",
                "--port", "0", "--bind", "127.0.0.1", ...)
            command.finish(swarm, p)
            return p
        end
        local p = get("-o", "out", "--peer", "127.0.0.1:" .. swarm:seeder().port)
        assert.equal(0, p.status, p:log())
        assert.is_true(loopback.is_whole(swarm.root .. "/out"))
        loopback.write(path, "return 5")
        p = get()
        swarm:until_true(function() return not p:running() end)
        assert.equal(1, p.status)
        assert.truthy(p:log():find "a table of functions is expected")
    end)
end)
