-- aria2: dials those that a tracker names, but cannot be told of a peer itself. It speaks to UDP
-- trackers by the socket of its DHT, so `udp` turns that on: it knows no node.
local ports = require "support.ports"
local process = require "support.process"

local aria2 = { name = "aria2", host = "127.0.0.1", dials = true }

local function start(mode, o, ...)
    local port = o.port or ports.free()
    local self = process.start {
        "aria2c", "--no-conf", "--enable-dht=" .. tostring(o.udp == true), "--enable-dht6=false",
        "--dht-file-path=" .. o.dir .. "/../dht.dat", "--dht-listen-port=" .. port,
        "--enable-peer-exchange=false", "--bt-enable-lpd=false", "--disable-ipv6=true",
        "--bt-min-crypto-level=plain", "--file-allocation=none", "--summary-interval=0",
        "--console-log-level=notice", "--listen-port=" .. port, "--dir=" .. o.dir,
        ...,
    }
    self.name = "aria2 " .. mode
    self.address = ("%s:%d"):format(aria2.host, port)
    ports.wait(aria2.host, port)
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
