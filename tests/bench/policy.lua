-- policy: what scripted policies cost, and how fast swarms are simulated.
--
--     make bench-policy            (POLICY_MIB=512: payload of the real download; 0 leaves it out)
--
-- Cost. One simulated peer has over 500 connections and downloads 64 GiB at 1 Gbit/s from them,
-- with a Lua function for each of the six questions; questions, rows, verdicts are the engine's.
-- The time spent in rounds, hooks and objects included, is divided by the virtual time. What it is
-- compared with is the CPU that the engine takes for the same bytes: a real download on loopback,
-- by the built-ins, in this process. (A round of `drop` is about all connections: calls per round.)

local mare = require "mare"
local policy = require "mare.policy"

local GBIT = 125e6
local QUESTIONS = { "admit", "connect", "unchoke", "drop", "piece", "source" }

-- ---- swarms ----------------------------------------------------------------------------------

local function simulate(peers, pieces)
    local began = os.clock()
    local result = mare.sim.swarm { peers = peers, pieces = pieces }
    print(("%5d peers x %5d pieces  %6.2f s CPU  %5.2f million events  %d finished"):format(
        peers, pieces, os.clock() - began, result.events / 1e6, result.all.finished))
end

-- ---- the real download -----------------------------------------------------------------------

local function sh(format, ...)
    return (assert(io.popen(format:format(...))):read "a"):match "^%s*(.-)%s*$"
end

local function wait_for_port(path)
    local deadline = mare.now() + 60
    while mare.now() < deadline do
        local file = io.open(path)
        local port = file and file:read "n"
        if file then file:close() end
        if port then return port end
        os.execute "sleep 0.1"
    end
    error "the seeder did not begin"
end

local seed_script = [[
local mare, root = require "mare", arg[1]
local s = assert(mare.session { port = 0, bind = "127.0.0.1", directory = root .. "/seed" })
local f <close> = assert(io.open(root .. "/payload.torrent", "rb"))
assert(s:add(f:read "a", { seed = true })):on("done", function()
    local out <close> = assert(io.open(root .. "/port", "w"))
    out:write(s.port)
end)
s:run(120)
]]

-- CPU seconds of this process, all threads, for one GiB.
local function measure_engine(root, mib)
    os.execute(("mkdir -p %s/seed %s/leech && head -c %dM /dev/urandom > %s/seed/payload")
        :format(root, root, mib, root))
    local bytes = assert(mare.create(root .. "/seed/payload", { piece_length = 1 << 20 }))
    local file = assert(io.open(root .. "/payload.torrent", "wb"))
    file:write(bytes)
    file:close()
    file = assert(io.open(root .. "/seed.lua", "w"))
    file:write(seed_script)
    file:close()
    local pid = sh("lua5.4 %s/seed.lua %s > /dev/null 2>&1 & echo $!", root, root)
    local ok, seconds = pcall(function()
        local port = wait_for_port(root .. "/port")
        local session = assert(mare.session {
            port = 0, bind = "127.0.0.1", directory = root .. "/leech",
        })
        local torrent = assert(session:add(bytes))
        local began
        torrent:on("peer", function() began = began or os.clock() end)
        torrent:on("done", function() session:stop() end)
        torrent:connect("127.0.0.1:" .. port)
        session:run(110)
        assert(torrent.done, "the download did not finish")
        local cpu = os.clock() - began
        session:close()
        return cpu * 1024 / mib
    end)
    os.execute("kill " .. pid)
    assert(ok, seconds)
    return seconds
end

local function engine_cost(mib)
    local root = sh "mktemp -d -p /dev/shm 2>/dev/null || mktemp -d"
    local ok, seconds = pcall(measure_engine, root, mib)
    os.execute("rm -rf " .. root)
    return assert(ok and seconds, seconds)
end

-- ---- the scripted one ------------------------------------------------------------------------

local blocked = {}
for i = 1, 1000 do
    blocked[("198.51.%d.%d"):format(i // 256, i % 256)] = true
end

local function six_functions()
    return {
        admit = function(candidate) return not blocked[candidate.ip] and 0 end,
        connect = policy.nearest().connect,
        unchoke = policy.tit_for_tat().unchoke,
        drop = policy.fastest().drop,
        piece = policy.rarest().piece,
        source = policy.stream().source,
    }
end

local function scripted(chosen)
    return mare.sim.swarm {
        seeds = { count = 520, up = 500e3, connections = 8 }, peers = 201,
        piece_length = 4 << 20, pieces = 16384, tracker_reply = 700, sample = 60,
        max_time = 900,
        policies = {
            { share = 1 / 201, name = "us", policy = chosen, down = GBIT, up = GBIT,
                connections = 560, play = 5e6 },
            { name = "others", connections = 4, up = 20e3, down = 20e3 },
        },
    }
end

local function print_cost(result, engine)
    local us, sum = result.groups.us, 0
    local seconds = us.median or result.seconds
    print(("\nsix functions, %.0f virtual seconds at %.2f Gbit/s"):format(seconds,
        us.downloaded / seconds * 8 / 1e9))
    print "question    rounds     calls   us/round  us/call   ms per second"
    for _, question in ipairs(QUESTIONS) do
        local c = result.policy[question]
        sum = sum + c.seconds
        print(("%-8s %9d %9d %10.1f %8.2f %12.3f"):format(question, c.rounds, c.calls,
            1e6 * c.seconds / math.max(c.rounds, 1), 1e6 * c.seconds / math.max(c.calls, 1),
            1e3 * c.seconds / seconds))
    end
    local share = sum / seconds
    print(("all %53.3f"):format(1e3 * share))
    if engine then
        local cpu = engine * GBIT / (1 << 30)
        print(("\nthe engine takes %.2f CPU s/GiB, %.1f ms a second at 1 Gbit/s;"
            .. " the policies add %.2f %%"):format(engine, 1e3 * cpu, 100 * share / cpu))
    end
end

simulate(100, 200)
simulate(100, 1000)
simulate(1000, 1000)
local mib = tonumber(os.getenv "POLICY_MIB" or 512)
local engine = mib > 0 and engine_cost(mib) or nil
local result = scripted(six_functions())
for _, text in ipairs(result.errors) do
    print(text)
end
print_cost(result, engine)
