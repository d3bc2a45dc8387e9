-- Your own loop: step() does what is due and returns, so a session fits into any program.
--
--     lua5.4 examples/04_own_loop.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(seeder.torrent))
torrent:connect(seeder.address)

local frames = 0
while not torrent.done do
    frames = frames + 1 -- here a game would draw
    assert(session:step(1 / 60)) -- waits a frame's time at most
    if frames % 5 == 0 then
        print(torrent.piece_map)
    end
end
print(torrent.piece_map)
print(("done after %d frames"):format(frames))
session:close()
seeder:stop()
