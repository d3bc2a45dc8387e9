-- Transmission, as its daemon. It never dials loopback addresses (3.00 takes them for martians),
-- so that the other side has to; and it serves nobody before its first choke round, after 10 s.
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local transmission = {
    name = "transmission", host = "127.0.0.1", dials = false, skips_empty = true,
}

-- What has no option on the command line.
local settings = [[{
    "announce-ip-enabled": false, "pex-enabled": false, "rename-partial-files": false,
    "rpc-host-whitelist-enabled": false, "scrape-paused-torrents-enabled": false,
    "preallocation": 0, "prefetch-enabled": false, "watch-dir-enabled": false
}]]

local function write(path, text)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
end

local function remote(self, ...)
    local rpc = ("127.0.0.1:%d"):format(self.rpc)
    local status, text = process.try { "transmission-remote", rpc, ... }
    return status == 0 and text or ""
end

-- Waits until `test` holds of what it says of the torrent: its state, and how much is done.
local function wait_told(self, seconds, what, test)
    process.eventually(seconds, self.name .. what, function()
        local info = remote(self, "--torrent", "1", "--info")
        return test(info:match "State: ([^\n]*)" or "", info:match "Percent Done: ([^\n]*)%%")
    end)
end

-- Before it has checked its data it refuses all peers.
local function wait_active(self)
    wait_told(self, 20, " is active", function(state)
        return state == "Idle" or state == "Seeding" or state == "Downloading"
    end)
end

local function wait_complete(self, seconds)
    wait_told(self, seconds, " has everything", function(_, percent)
        return percent == "100"
    end)
end

-- What it remembers of the DHT. It asks nobody for peers before it knows nine nodes, and of those
-- that it knows only by name it asks one every few seconds.
local function dht_state(nodes)
    local compact = {}
    for i, node in ipairs(nodes) do
        local a, b, c, d, port = node:match "^(%d+)%.(%d+)%.(%d+)%.(%d+):(%d+)$"
        compact[i] = string.char(a, b, c, d) .. string.pack(">I2", port)
    end
    local all = table.concat(compact)
    return ("d2:id20:%s5:nodes%d:%se"):format("transmission node id", #all, all)
end

local function start(mode, o)
    local config, port, rpc = tmpdir(), o.port or ports.free(), ports.free()
    write(config .. "/settings.json", settings)
    if o.nodes then
        write(config .. "/dht.dat", dht_state(o.nodes))
    end
    local self = process.start {
        "transmission-daemon", "--foreground", "--log-debug", "--config-dir", config,
        "--download-dir", o.dir, "--peerport", tostring(port), "--port", tostring(rpc),
        o.nodes and "--dht" or "--no-dht", "--no-lpd", "--no-utp", "--no-portmap",
        "--encryption-" .. (o.encryption or "tolerated"), "--no-auth", "--no-global-seedratio",
        "--bind-address-ipv4", o.host or transmission.host,
        "--rpc-bind-address", "127.0.0.1",
    }
    self.name = "transmission " .. mode
    self.rpc, self.address = rpc, ("%s:%d"):format(o.host or transmission.host, port)
    -- Not the peers' port: it allows one handshake at a time for each address, and a minute for
    -- one that says nothing.
    ports.wait("127.0.0.1", rpc)
    process.eventually(20, self.name .. " takes the torrent", function()
        return remote(self, "--add", o.torrent):find("success", 1, true)
    end)
    wait_active(self)
    return self
end

function transmission.seed(o)
    local self = start("seed", o)
    wait_complete(self, 20)
    return self
end

function transmission.leech(o)
    local self = start("leech", o)
    self.complete = wait_complete
    return self
end

return transmission
