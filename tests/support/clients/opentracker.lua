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

function opentracker.announce_udp(port)
    return ("udp://127.0.0.1:%d/announce"):format(port)
end

-- Tracks torrents, given by their hashes; DIR must be one that everybody may enter. By UDP
-- on the same port as by HTTP, or on another one.
function opentracker.start(dir, port, hashes, udp)
    local whitelist, config = dir .. "/whitelist", dir .. "/opentracker.conf"
    write(whitelist, table.concat(hashes, "\n") .. "\n")
    write(config, ("listen.tcp 127.0.0.1:%d\nlisten.udp 127.0.0.1:%d\naccess.whitelist %s\n")
        :format(port, udp or port, whitelist))
    local self = process.start { "opentracker", "-f", config, user = NOBODY, cwd = dir }
    ports.wait("127.0.0.1", port)

    local function counts(hash)
        local path = "/scrape?info_hash=" .. hash:gsub("%x%x", "%%%0")
        local told = ports.get("127.0.0.1", port, path) or ""
        local seeds, leeches = told:match "8:completei(%d+)e.*10:incompletei(%d+)e"
        return tonumber(seeds), tonumber(leeches)
    end

    -- Returns when it knows exactly so many seeds and leeches (none: it forgot the torrent).
    function self.wait_counts(hash, seeds, leeches)
        process.eventually(30, ("%d and %d peers"):format(seeds, leeches), function()
            local s, l = counts(hash)
            return (s or 0) == seeds and (l or 0) == leeches
        end)
    end

    -- Returns when so many peers have announced themselves for a torrent.
    function self.wait_peers(hash, count)
        process.eventually(30, count .. " peers at the tracker", function()
            local seeds, leeches = counts(hash)
            return seeds and seeds + leeches >= count
        end)
    end
    return self
end

return opentracker
