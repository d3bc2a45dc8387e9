-- In a cqueues controller: the session steps in a coroutine among yours. Needs cqueues (lua-cqueues
-- in Debian).
--
--     lua5.4 examples/06_cqueues.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local cqueues = require "cqueues"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(seeder.torrent))
torrent:connect(seeder.address)

local controller = cqueues.new()
local driver = require "mare.embed.cqueues" (session, controller)

controller:wrap(function()
    while session.alive and not torrent.done do
        print(("a coroutine of yours: %3.0f %%"):format(100 * torrent.progress))
        cqueues.sleep(0.02)
    end
end)

torrent:on("done", function(t)
    print(t.name .. " is complete")
    driver:close()
end)

assert(controller:loop())
seeder:stop()
