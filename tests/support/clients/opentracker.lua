-- opentracker: Debian's build tracks only what its whitelist names. As root it would give up its
-- rights by itself, and with them our hold on it (see support.process): so we do that before.
local ports = require "support.ports"
local process = require "support.process"

local opentracker = {}

local NOBODY = "65534"

local function write(path, text)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
end

function opentracker.announce(port)
    return ("http://127.0.0.1:%d/announce"):format(port)
end

-- Tracks torrents, given by their hashes; DIR must be one that everybody may enter.
function opentracker.start(dir, port, hashes)
    local whitelist, config = dir .. "/whitelist", dir .. "/opentracker.conf"
    write(whitelist, table.concat(hashes, "\n") .. "\n")
    write(config, ("listen.tcp_udp 127.0.0.1:%d\naccess.whitelist %s\n"):format(port, whitelist))
    local self = process.start { "opentracker", "-f", config, user = NOBODY, cwd = dir }
    ports.wait("127.0.0.1", port)

    -- Returns when so many peers have announced themselves for a torrent.
    function self.wait_peers(hash, count)
        local path = "/scrape?info_hash=" .. hash:gsub("%x%x", "%%%0")
        process.eventually(30, count .. " peers at the tracker", function()
            local told = ports.get("127.0.0.1", port, path) or ""
            local seeds, leeches = told:match "8:completei(%d+)e.*10:incompletei(%d+)e"
            return seeds and seeds + leeches >= count
        end)
    end
    return self
end

return opentracker
