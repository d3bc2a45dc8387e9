-- A download: add a torrent, listen to what happens, run.
--
--     lua5.4 examples/01_download.lua [FILE.torrent [DIRECTORY]]
--
-- Without a torrent it fetches a small one from a seeder that it starts on loopback.

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = not arg[1] and require("support.seeder").start()

local session = assert(mare.session {
    port = 0, bind = seeder and seeder.bind or nil,
    directory = arg[2] or seeder and seeder.directory,
})
local torrent = assert(session:add(arg[1] or seeder.torrent))

torrent:on("peer", function(_, peer)
    print(("hello, %s at %s"):format(peer.client, peer.address))
end)
torrent:on("file", function(t, file)
    print(("%3.0f %%  %s is complete"):format(100 * t.progress, file.path))
end)
torrent:on("done", function(t)
    print(("%s: %d bytes, verified"):format(t.name, t.have))
    session:stop()
end)

if seeder then
    torrent:connect(seeder.address)
end
session:run()
session:close()
if seeder then
    seeder:stop()
end
