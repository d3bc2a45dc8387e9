-- A BitTorrent tracker in ninety lines (BEP 3, 23, 48), for demos and experiments on one machine.
-- It is polled: call tracker:poll() from your loop. Uses LuaSocket.

local socket = require "socket"

local tracker = {}
tracker.__index = tracker

function tracker.new()
    local server = assert(socket.bind("127.0.0.1", 0))
    server:settimeout(0)
    local _, port = server:getsockname()
    local url = ("http://127.0.0.1:%d/announce"):format(port)
    return setmetatable({ server = server, url = url, swarms = {}, clients = {} }, tracker)
end

local function unescape(text)
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function query_of(request)
    local query = {}
    for key, value in (request:match "^GET [^?]*%?(%S*)" or ""):gmatch "([^&=]+)=([^&]*)" do
        query[key] = unescape(value)
    end
    return query
end

local function compact(ip, port)
    local a, b, c, d = ip:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
    return string.char(a, b, c, d) .. string.pack(">I2", port)
end

-- How many of a swarm have everything, and how many do not.
local function counts(swarm)
    local seeds, leechers = 0, 0
    for _, left in pairs(swarm) do
        seeds, leechers = seeds + (left == 0 and 1 or 0), leechers + (left == 0 and 0 or 1)
    end
    return seeds, leechers
end

function tracker:scrape(hash)
    local seeds, leechers = counts(self.swarms[hash] or {})
    return ("d5:filesd20:%sd8:completei%de10:incompletei%deeee"):format(hash, seeds, leechers)
end

function tracker:answer(query, ip)
    local port = tonumber(query.port)
    if not query.info_hash or not port then
        return "d14:failure reason21:this is not a requeste"
    end
    local swarm = self.swarms[query.info_hash] or {}
    self.swarms[query.info_hash] = swarm
    local me, others = compact(ip, port), {}
    swarm[me] = query.event ~= "stopped" and (tonumber(query.left) or 0) or nil
    for peer in pairs(swarm) do
        if peer ~= me then
            others[#others + 1] = peer
        end
    end
    local peers, seeds, leechers = table.concat(others), counts(swarm)
    return ("d8:completei%de10:incompletei%de8:intervali120e5:peers%d:%se")
        :format(seeds, leechers, #peers, peers)
end

local function serve(self, client)
    local line, problem = client:receive "*l"
    if not line then
        return problem ~= "timeout"
    end
    local query = query_of(line)
    local scrapes = line:find("/scrape?", 1, true) and #(query.info_hash or "") == 20
    local body = scrapes and self:scrape(query.info_hash)
        or self:answer(query, (client:getpeername()))
    client:settimeout(1)
    client:send(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
    client:close()
    return true
end

function tracker:poll()
    local client = self.server:accept()
    while client do
        client:settimeout(0)
        self.clients[client] = true
        client = self.server:accept()
    end
    for waiting in pairs(self.clients) do
        if serve(self, waiting) then
            self.clients[waiting] = nil
        end
    end
end

function tracker:close()
    self.server:close()
end

return tracker
