-- session: one session that seeds many torrents, for what it costs at rest.
--
--     lua5.4 tests/bench/session.lua PORT DATA_DIR CONNECTIONS [TORRENT_LIST]
--
-- TORRENT_LIST is a file that names .torrent files, one per line. Prints JSON lines: "listening" as
-- soon as the port is open, "seeding" when all torrents are checked, then "stats" once a second
-- with the counters of the session and the CPU time of the process.

local mare = require "mare"
local json = require "mare.cli.json"

local port, directory, connections, list = table.unpack(arg)

local session = assert(mare.session {
    port = tonumber(port), bind = "127.0.0.1", directory = directory,
    connections = tonumber(connections),
})

local function say(event)
    local line = { event = event, cpu = os.clock(), connections = session.connection_count }
    for name, value in pairs(session.stats) do
        line[name] = value
    end
    print(json.encode(line))
    io.stdout:flush()
end

say "listening"
local checking = 0
if list then
    for path in io.lines(list) do
        assert(session:add(path, { seed = true }))
        checking = checking + 1
    end
end
session:on("checked", function(torrent)
    assert(torrent.state == "seeding", torrent.name .. " is not whole")
    checking = checking - 1
end)
session:on("error", function(_, message) io.stderr:write(message, "\n") end)

while checking > 0 do
    assert(session:step(0.25))
end
collectgarbage()
say "seeding"
local next_at = mare.now() + 1
while true do
    assert(session:step(math.max(0, next_at - mare.now())))
    if mare.now() >= next_at then
        say "stats"
        next_at = next_at + 1
    end
end
