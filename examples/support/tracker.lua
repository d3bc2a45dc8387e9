-- A BitTorrent tracker in sixty lines (BEP 3, 23), for demos and experiments on one machine. It is
-- polled: call tracker:poll() from your loop. Uses LuaSocket.

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

function tracker:answer(query, ip)
    local port = tonumber(query.port)
    if not query.info_hash or not port then
        return "d14:failure reason21:this is not a requeste"
    end
    local swarm = self.swarms[query.info_hash] or {}
    self.swarms[query.info_hash] = swarm
    local me, others = compact(ip, port), {}
    swarm[me] = query.event ~= "stopped" or nil
    for peer in pairs(swarm) do
        if peer ~= me then
            others[#others + 1] = peer
        end
    end
    local peers = table.concat(others)
    return ("d8:intervali120e5:peers%d:%se"):format(#peers, peers)
end

local function serve(self, client)
    local line, problem = client:receive "*l"
    if not line then
        return problem ~= "timeout"
    end
    local body = self:answer(query_of(line), (client:getpeername()))
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
