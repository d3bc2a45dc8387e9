-- options: those that several commands share, and how their values are read.

local units = require "mare.cli.units"

local options = {}

local parse = {}
options.parse = parse

function parse.number(least, most)
    return function(text)
        local n = text:find "^%d+$" and tonumber(text)
        if n and n >= least and n <= most then
            return n
        end
        return nil, ("a number from %d to %d"):format(least, most)
    end
end

function parse.size(text)
    local bytes = units.parse_size(text)
    if bytes then
        return bytes
    end
    return nil, "a size like 500K, 2M or 1.5MiB"
end

function parse.rate(text)
    local bytes = units.parse_size((text:gsub("/s$", "")))
    if bytes then
        return bytes
    end
    return nil, "a rate like 500K, 2M or 1.5MiB (per second)"
end

function parse.ratio(text)
    local n = text:find "^%d+%.?%d*$" and tonumber(text)
    if n then
        return n
    end
    return nil, "a ratio like 1 or 1.5"
end

function parse.mebibytes(text)
    local n = text:find "^%d+$" and tonumber(text)
    if n and n >= 1 and n <= 1048576 then
        return n * 1048576
    end
    return nil, "a number of MiB from 1 up"
end

function parse.peer(text)
    local host, port = text:match "^(.+):(%d+)$"
    local plain = host and (not host:find ":" or host:find "^%[.*%]$")
    if plain and tonumber(port) >= 1 and tonumber(port) <= 65535 then
        return text
    end
    return nil, "HOST:PORT"
end

function parse.url(text)
    if text:find "^https?://[^/]" or text:find "^udp://[^/]" then
        return text
    end
    return nil, "an http, https or udp address"
end

function parse.web(text)
    if text:find "^https?://[^/]" then
        return text
    end
    return nil, "an http or https address"
end

-- "1,3-5": { 1, 3, 4, 5 }
function parse.files(text)
    local list, wanted = {}, "file numbers like 1,3-5"
    for part in (text .. ","):gmatch "([^,]*)," do
        local from, to = part:match "^(%d+)%-(%d+)$"
        from = tonumber(from or part:match "^%d+$")
        to = tonumber(to) or from
        if not from or from < 1 or to < from or to > 1000000 then
            return nil, wanted
        end
        for n = from, to do
            list[#list + 1] = n
        end
    end
    return list
end

function parse.receive(text)
    if text == "scatter" or text == "chunked" then
        return text
    end
    return nil, "scatter or chunked"
end

function parse.encryption(text)
    if text == "prefer" or text == "require" or text == "off" then
        return text
    end
    return nil, "prefer, require or off"
end

-- What stands on a command line is for all users of the machine to see: @FILE is not.
function parse.proxy(text)
    local path = text:match "^@(.*)"
    if not path then
        return text
    end
    local file <close> = io.open(path)
    local line = file and file:read "l"
    if line and line:find "%S" then
        return line:match "^%s*(.-)%s*$"
    end
    return nil, "an address, or @ and the path of a file whose first line it is"
end

options.help = { "-h", "--help", name = "help", help = "show this and exit" }
options.json = { "--json", name = "json", help = "one JSON object per line instead of words" }
options.quiet = { "-q", "--quiet", name = "quiet", help = "no progress, only errors" }

-- What shapes a session.
options.session = {
    { "--port", value = "N", name = "port", parse = parse.number(0, 65535),
        help = "listen here (0: any free port; default 6881 or, if taken, any)" },
    { "--bind", value = "ADDR|IFACE", name = "bind",
        help = "use only this address, or network interface, of the machine" },
    { "--encryption", value = "MODE", name = "encryption", parse = parse.encryption,
        help = "prefer (default), require or off: of connections to peers" },
    { "--blocklist", value = "FILE", name = "blocklist",
        help = "talk to no address in this list (P2P, DAT or CIDR)" },
    { "--proxy", value = "URL|@FILE", name = "proxy", parse = parse.proxy,
        help = "socks5://[USER:PASSWORD@]HOST:PORT or http://...: nothing goes round it;\n"
            .. "with a password better from a file, or from the environment: MARE_PROXY" },
    { "--proxy-bypass", name = "proxy_bypass",
        help = "UDP trackers, DHT, LSD and incoming peers do without the proxy" },
    { "--memory", value = "MIB", name = "memory", parse = parse.mebibytes,
        help = "for piece buffers (default 64)" },
    { "--connections", value = "N", name = "connections", parse = parse.number(1, 100000),
        help = "at most this many peers (default 200)" },
    { "--up", value = "RATE", name = "up_rate", parse = parse.rate,
        help = "upload limit per second: 500K, 2M" },
    { "--down", value = "RATE", name = "down_rate", parse = parse.rate,
        help = "download limit per second" },
    { "--state", value = "DIR", name = "state",
        help = "where resume files are kept (default ~/.local/state/mare)" },
    { "--policy", value = "FILE", name = "policy",
        help = "a Lua file whose functions choose peers and pieces; watched for changes" },
    { "--record", value = "FILE", name = "record",
        help = "write down what chooses peers and pieces, and how, for mare replay" },
    { "--receive", value = "HOW", name = "receive", parse = parse.receive,
        help = "scatter (default) or chunked: how bytes come in" },
    { "--no-dht", name = "no_dht", help = "do not look for peers in the DHT" },
    { "--dht-router", value = "HOST:PORT", name = "dht_routers", many = true, parse = parse.peer,
        help = "enter the DHT by this node, not by the usual ones; may be repeated" },
    { "--no-lsd", name = "no_lsd", help = "do not look for peers on the local network" },
    { "--no-portmap", name = "no_portmap", help = "do not ask the router to let others in" },
    { "--no-pex", name = "no_pex", help = "do not let peers tell each other of others" },
}

-- Where the streaming server listens.
options.http = {
    { "--http-host", value = "ADDR", name = "http_host",
        help = "serve at this address of the machine (default 127.0.0.1; 0.0.0.0: all of them)" },
    { "--http-port", value = "N", name = "http_port", parse = parse.number(0, 65535),
        help = "serve at this port (default: any free one)" },
    { "--token", value = "WORD", name = "token",
        help = "the secret part of the addresses (default: a random one)" },
}

-- What lies where of a film while it plays, and how much of it.
options.storage = {
    { "--max-disk", value = "SIZE", name = "max_disk", parse = parse.size,
        help = "keep so much of a torrent on disk: what was shown first goes" },
    { "--memory-only", value = "SIZE", name = "memory_only", parse = parse.size,
        help = "write nothing, keep so much of a torrent in memory" },
}

-- One list from several.
function options.join(...)
    local all = {}
    for _, list in ipairs { ... } do
        table.move(list, 1, #list, #all + 1, all)
    end
    return all
end

return options
