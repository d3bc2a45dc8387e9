-- Reading a file while it is being downloaded: what lies before the reader comes first. This one
-- keeps at most a megabyte of the torrent in memory, and nothing on disk.
--
--     lua5.4 examples/08_read.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local seeder = require("support.seeder").start()

local session = assert(mare.session { port = 0, bind = seeder.bind, directory = seeder.directory })
local options = { storage = "memory", max_memory = 1 << 20 }
local torrent = assert(session:add(seeder.torrent, options))
torrent:connect(seeder.address)

session:spawn(function()
    torrent:wait "checked"
    local file = torrent.files[1]
    for _, each in ipairs(torrent.files) do
        file = each.length > file.length and each or file
    end
    local reader <close> = assert(file:reader())
    local bytes, lines = 0, 0
    repeat
        -- A view shows verified bytes where they lie; no Lua string is made of them.
        local view <close> = reader:view()
        if view then
            bytes = bytes + #view
            local at = view:find "\n"
            while at do
                lines, at = lines + 1, view:find("\n", at + 1)
            end
        end
    until not view
    print(("read %s: %d bytes in order, %d of them line feeds; %d KiB are kept"):format(
        file.path, bytes, lines, torrent.have // 1024))
    reader:seek(bytes // 2)
    print("in its middle stands", (assert(reader:read(4)):gsub(".", function(c)
        return ("%02x "):format(c:byte())
    end)))
    session:stop()
end)

session:run()
session:close()
seeder:stop()
