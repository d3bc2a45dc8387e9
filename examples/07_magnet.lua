-- A magnet link: only the info-hash is known, and whom to ask. Peers tell what it means, and before
-- anything is fetched, the script chooses.
--
--     lua5.4 examples/07_magnet.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = require("support.seeder").start()

-- As somebody would have posted it: with one tracker that is gone, and one peer.
local link = ("magnet:?xt=urn:btih:%s&dn=some+moon&tr=http://127.0.0.1:1/announce&x.pe=%s"):format(
    mare.info(seeder.torrent).info_hash, seeder.address)

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local torrent = assert(session:add(link))
print(("%s: %s"):format(torrent.name, torrent.state))

torrent:on("peers", function(_, count, source)
    print(("%d addresses by %s"):format(count, source))
end)

torrent:on("metadata", function(t)
    print(("it is %s: %d bytes in %d files"):format(t.name, t.size, #t.files))
    for _, file in ipairs(t.files) do
        file.wanted = file.length < 1000000 -- just to look at it
    end
end)

torrent:on("done", function(t)
    print(("%d of %d bytes were wanted, and are here"):format(t.have, t.size))
    session:stop()
end)

session:run()
session:close()
seeder:stop()
