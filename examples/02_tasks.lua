-- Tasks: code that waits reads from top to bottom. A task is a coroutine; wait, sleep and read
-- suspend it, and the session goes on meanwhile.
--
--     lua5.4 examples/02_tasks.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(seeder.torrent))
torrent:connect(seeder.address)

-- One task tells how it goes ...
session:spawn(function()
    while not torrent.done do
        print(("%3.0f %%  %.1f MB/s"):format(100 * torrent.progress, torrent.download_rate / 1e6))
        mare.sleep(0.05)
    end
end)

-- ... another one looks at the data once it is there.
session:spawn(function()
    torrent:wait "done"
    for _, file in ipairs(torrent.files) do
        local bytes = assert(file:read(0, math.min(8, file.length)))
        print(file.path, "begins with", (bytes:gsub(".", function(c)
            return ("%02x "):format(c:byte())
        end)))
    end
    session:stop()
end)

session:run()
session:close()
seeder:stop()
