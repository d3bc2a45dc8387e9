-- aria2: dials those that a tracker names, but cannot be told of a peer itself. It speaks to UDP
-- trackers by the socket of its DHT, so `udp` turns that on: it knows no node.
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local aria2 = { name = "aria2", host = "127.0.0.1", dials = true }

-- o.node: it takes part in the DHT, beginning with this one. What it knows is nobody else's.
local function dht_options(o, port)
    if not o.node and not o.udp then
        return "--enable-dht=false"
    end
    return "--enable-dht=true", "--dht-listen-port=" .. port,
        "--dht-file-path=" .. tmpdir() .. "/dht.dat",
        o.node and "--dht-entry-point=" .. o.node
end

local function start(mode, o, ...)
    local port = o.port or ports.free()
    local command = {
        "aria2c", "--no-conf", "--enable-dht6=false",
        "--enable-peer-exchange=false", "--bt-enable-lpd=false", "--disable-ipv6=true",
        "--bt-min-crypto-level=plain", "--file-allocation=none", "--summary-interval=0",
        "--console-log-level=notice", "--listen-port=" .. port, "--dir=" .. o.dir,
        ...,
    }
    local dht = { dht_options(o, port) }
    local self = process.start(table.move(dht, 1, #dht, #command + 1, command))
    self.name = "aria2 " .. mode
    self.address = ("%s:%d"):format(o.host or aria2.host, port)
    ports.wait(o.host or aria2.host, port)
    return self
end

function aria2.seed(o)
    return start("seed", o, "--check-integrity=true", "--seed-ratio=0.0", o.torrent)
end

function aria2.leech(o)
    local self = start("leech", o, "--seed-time=0", o.torrent)
    self.complete = self.succeed
    return self
end

return aria2
