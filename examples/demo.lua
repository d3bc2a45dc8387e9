-- The demo: a whole swarm in one script, on loopback only. A tracker, two seeders, and a downloader
-- that watches with event handlers; at the end the files are compared and the cost is printed.
--
--     make demo                   256 MiB
--     make demo DEMO_MIB=1024     more

package.path = arg[0]:match "^(.*/)" .. "?.lua;" .. package.path
local mare = require "mare"
local tracker = require("support.tracker").new()

local MIB = tonumber(os.getenv "DEMO_MIB") or 256
local root = os.tmpname()
os.remove(root)

local function sh(format, ...)
    return os.execute(format:format(...))
end

local function say(format, ...)
    print(format:format(...))
end

-- ---- a torrent of several files -------------------------------------------------------------

-- Every piece differs: a block of noise, rolled a little further each time.
local function write_file(path, bytes)
    local noise = {}
    for i = 1, 8192 do
        noise[i] = string.pack("<I8", math.random(0))
    end
    local block = table.concat(noise)
    local file = assert(io.open(path, "wb"))
    local left, turn = bytes, 0
    while left > 0 do
        turn = turn + 1
        local mark = string.pack("<I8", math.random(0))
        local part = mark .. block:sub(turn % 997 + 9) .. block:sub(1, turn % 997)
        file:write(part:sub(1, math.min(#part, left)))
        left = left - math.min(#part, left)
    end
    file:close()
end

assert(sh("mkdir -p %s/seed/moon %s/state", root, root))
say("Making %d MiB of data in %s ...", MIB, root)
local total = MIB * 1024 * 1024
write_file(root .. "/seed/moon/mare tranquillitatis.img", math.floor(total * 0.6))
write_file(root .. "/seed/moon/mare imbrium.img", math.floor(total * 0.3))
write_file(root .. "/seed/moon/mare crisium.img", math.floor(total * 0.1) - 4321)
write_file(root .. "/seed/moon/notes.txt", 4321)
local bytes = assert(mare.create(root .. "/seed/moon", { trackers = { tracker.url } }))

-- ---- the swarm ------------------------------------------------------------------------------

local function open(directory)
    return assert(mare.session {
        port = 0, bind = "127.0.0.1", directory = directory, state = root .. "/state",
    })
end

local seeders = {}
for i = 1, 2 do
    seeders[i] = assert(mare.session { port = 0, bind = "127.0.0.1", directory = root .. "/seed" })
    assert(seeders[i]:add(bytes, { seed = true }))
end
local session = open(root .. "/got")

local function step_all()
    tracker:poll()
    for _, seeder in ipairs(seeders) do
        assert(seeder:step(0))
    end
    assert(session:step(0.001))
end

-- Both seeders know what they have, and have told the tracker, before the download begins.
local function ready()
    local known = 0
    for _, swarm in pairs(tracker.swarms) do
        for _ in pairs(swarm) do
            known = known + 1
        end
    end
    return known >= #seeders
end
while not ready() do
    step_all()
end

-- ---- the download, watched ------------------------------------------------------------------

local cpu, began = os.clock(), mare.now()
local torrent = assert(session:add(bytes))
local done, last_drawn = false, 0

-- Squeezes one character a piece into a line: the worst of each group shows.
local function draw_map(width)
    local map, line = torrent.piece_map, {}
    local shade = { ["#"] = "█", ["~"] = "▓", ["-"] = "▒", ["."] = "·" }
    for i = 1, width do
        local from, to = (i - 1) * #map // width + 1, math.max(i * #map // width, 1)
        local group = map:sub(from, math.max(to, from))
        local worst = group:match "%." or group:match "%-" or group:match "~" or "#"
        line[i] = shade[worst]
    end
    return table.concat(line)
end

local tty = os.getenv "TERM" and sh "test -t 1"
local function draw()
    last_drawn = mare.now()
    local line = ("%s %3.0f %%  %4.0f MB/s  %d peers"):format(draw_map(50), 100 * torrent.progress,
        torrent.download_rate / 1e6, torrent.peer_count)
    io.write(tty and "\r" or "", line, tty and "" or "\n")
    io.flush()
end

torrent:on("peer", function(_, peer)
    say("  connected to %s, %s", peer.address, peer.client)
end)
torrent:on("file", function(_, file)
    say("%s  complete: %s", tty and "\r\27[K" or "", file.path)
end)
torrent:on("done", function() done = true end)
torrent:on("error", function(_, message) print("  " .. message) end)

while not done do
    step_all()
    if mare.now() - last_drawn > 0.1 then
        draw()
    end
end
draw()
local seconds, used = mare.now() - began, os.clock() - cpu
print()

-- ---- what it cost ---------------------------------------------------------------------------

local same = sh("diff -r '%s/seed/moon' '%s/got/moon'", root, root)
local stats = session.stats
local received, copied = stats.payload_received, stats.payload_copied
say("The copy %s.", same and "is identical, byte for byte" or "DIFFERS")
say("%.0f MiB in %.2f s: %.0f MB/s, with %.2f CPU seconds for the three sessions together",
    MIB, seconds, received / seconds / 1e6, used)
say("%d bytes of payload came in %d receive calls (%.1f per MiB); %d were copied (%.2f %%)",
    received, stats.recv_calls, stats.recv_calls / (received / 1048576), copied,
    100 * copied / received)

session:close(0)
for _, seeder in ipairs(seeders) do
    seeder:close(0)
end
tracker:close()
sh("rm -rf '%s'", root)
if not same then
    os.exit(1)
end
print [[

What to try next:
    build/mare get FILE.torrent -o downloads        download something real
    build/mare create FOLDER -t TRACKER_URL         make a torrent of your own
    less README.md examples/01_download.lua         script it]]
