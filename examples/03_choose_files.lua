-- Choosing files: only what is wanted is fetched, and no byte of the rest is created on disk.
--
--     lua5.4 examples/03_choose_files.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(seeder.torrent, { files = { "notes", "crisium" } }))

local function show()
    for _, file in ipairs(torrent.files) do
        print(("  %-26s %9d of %9d bytes, priority %d"):format(file.path, file.have, file.length,
            file.priority))
    end
end

-- First the two small ones; then, when they are there, the large one as well.
torrent:on("done", function(t)
    print("done with what was wanted:")
    show()
    if t.state == "finished" then
        for _, file in ipairs(t.files) do
            file.wanted = true
        end
    else
        session:stop()
    end
end)

torrent:connect(seeder.address)
session:run()
session:close()
seeder:stop()
