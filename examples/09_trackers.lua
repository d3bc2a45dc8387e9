-- Trackers: what each of them says of the swarm, and how to have others.
--
--     lua5.4 examples/09_trackers.lua [FILE.torrent]
--
-- Without a torrent it asks a tracker that it starts on loopback, and one that is not there.

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = not arg[1] and require("support.seeder").start()
local tracker = seeder and require("support.tracker").new()

local session = assert(mare.session {
    port = 0, bind = seeder and seeder.bind or nil, directory = seeder and seeder.directory,
})
local torrent = assert(session:add(arg[1] or seeder.torrent))
if tracker then
    torrent.trackers = { { "http://127.0.0.1:1/announce", tracker.url } } -- one tier of two
end

local function run_until(condition)
    while not condition() do
        if tracker then
            tracker:poll()
        end
        assert(session:step(0.02))
    end
end

local function show()
    for _, row in ipairs(torrent.trackers) do
        print(("tier %d  %-36s %-11s %3s seeds %3s leechers"):format(row.tier, row.url,
            row.state, row.seeds or "?", row.leechers or "?"))
        if row.message or row.next then
            print("        " .. (row.message or ("asked again in %.0f s"):format(row.next)))
        end
    end
end

-- An announce tells where peers are, and joins the swarm ...
local working = false
torrent:on("tracker", function(_, announced)
    working = working or not announced.code
end)
run_until(function() return working end)
show()

-- ... a scrape only asks how large it is.
local left = assert(torrent:scrape())
torrent:on("scrape", function(_, scraped)
    left = left - 1
    print(("%s says %s seeds and %s leechers%s"):format(scraped.url, scraped.seeds or "?",
        scraped.leechers or "?", scraped.message and ": " .. scraped.message or ""))
end)
run_until(function() return left == 0 end)
print(("the swarm has %s seeds and %s leechers"):format(torrent.swarm_seeds or "?",
    torrent.swarm_leechers or "?"))

session:close(0)
if seeder then
    tracker:close()
    seeder:stop()
end
