-- libtorrent (arvidn's), by Debian's Python binding; see libtorrent_client.py. o.node: it takes
-- part in the DHT, beginning with this one; o.lsd: it looks for peers on its network; o.within: it
-- lives in that namespace (support.netns).
local ports = require "support.ports"
local process = require "support.process"

local libtorrent = { name = "libtorrent", host = "127.0.0.1", dials = true }

local function start(mode, o)
    local port = o.port or ports.free()
    local listen = ("%s:%d"):format(o.host or libtorrent.host, port)
    local command = {
        "/usr/bin/python3", "tests/support/libtorrent_client.py", mode,
        o.torrent, o.dir, "--listen", listen, name = "libtorrent " .. mode,
    }
    for _, peer in ipairs(o.peers or {}) do
        table.move({ "--peer", peer }, 1, 2, #command + 1, command)
    end
    if o.up_rate then
        table.move({ "--up-rate", tostring(o.up_rate) }, 1, 2, #command + 1, command)
    end
    if o.encryption then
        table.move({ "--encryption", o.encryption }, 1, 2, #command + 1, command)
    end
    if o.pex then
        command[#command + 1] = "--pex"
    end
    if o.unverified then
        command[#command + 1] = "--unverified"
    end
    if o.node then
        table.move({ "--node", o.node }, 1, 2, #command + 1, command)
    end
    if o.lsd then
        command[#command + 1] = "--lsd"
    end
    local self = process.start(o.within and o.within:command(command) or command)
    self.address = listen
    process.eventually(30, self.name .. " is ready", function()
        return self:output():find("ready", 1, true)
    end)
    return self
end

function libtorrent.seed(o)
    return start("seed", o)
end

function libtorrent.leech(o)
    local self = start("leech", o)
    self.complete = self.succeed
    return self
end

return libtorrent
