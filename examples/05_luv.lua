-- In luv's loop: the session is one more handle there. Needs luv (lua-luv in Debian).
--
--     lua5.4 examples/05_luv.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local uv = require "luv"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(seeder.torrent))
torrent:connect(seeder.address)

require "mare.embed.luv" (session)

local ticker = uv.new_timer()
ticker:start(20, 20, function()
    print(("luv's timer: %3.0f %%"):format(100 * torrent.progress))
end)

torrent:on("done", function(t)
    print(t.name .. " is complete")
    ticker:close()
    session:close()
end)

uv.run()
seeder:stop()
