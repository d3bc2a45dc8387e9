-- http_client: one connection to an HTTP server, byte by byte, for specs that want to be slow, rude
-- or many at once. It never waits: the spec turns luv's loop (http_client.turn) and asks.
--
--     local c = http_client.open(port)
--     c:get("/path", { Range = "bytes=0-9" })
--     swarm:until_true(function() http_client.turn() return c:answer() end)

local uv = require "luv"

local http_client = {}
http_client.__index = http_client

local opened = {}

function http_client.turn()
    uv.run "nowait"
end

-- `address` is 127.0.0.1 unless given.
function http_client.open(port, address)
    local self = setmetatable({ parts = {}, length = 0, port = port }, http_client)
    self.tcp = uv.new_tcp()
    opened[#opened + 1] = self
    self.tcp:connect(address or "127.0.0.1", port, function(problem)
        self.problem, self.connected = problem, not problem
        if self.connected then
            self:go_on()
        end
    end)
    return self
end

-- Reads from now on (it does so unless paused).
function http_client:go_on()
    self.paused = false
    self.tcp:read_start(function(problem, bytes)
        if bytes then
            self.parts[#self.parts + 1], self.length = bytes, self.length + #bytes
        else
            self.problem, self.ended = problem, true
        end
    end)
end

function http_client:pause()
    self.paused = true
    self.tcp:read_stop()
end

function http_client:send(bytes)
    self.tcp:write(bytes)
end

-- headers.Host is right unless given; false leaves it out.
function http_client:ask(method, path, headers)
    local lines = { ("%s %s HTTP/1.1"):format(method, path) }
    local all = { Host = "127.0.0.1:" .. self.port }
    for name, value in pairs(headers or {}) do
        all[name] = value
    end
    for name, value in pairs(all) do
        if value then
            lines[#lines + 1] = name .. ": " .. value
        end
    end
    self.method = method
    self:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
end

function http_client:get(path, headers)
    self:ask("GET", path, headers)
end

-- All that has come, as one string.
function http_client:bytes()
    self.parts = { table.concat(self.parts) }
    return self.parts[1]
end

local function parse_head(head)
    local answer = { status = tonumber(head:match "^HTTP/1%.%d (%d+)"), headers = {} }
    for name, value in head:gmatch "\r\n([^:\r]+): ([^\r]*)" do
        answer.headers[name:lower()] = value
    end
    return answer
end

-- { status, headers (lower case), body } of the first answer once all of it is here (or the
-- connection is at its end), and takes it off; nil before.
function http_client:answer()
    if not self.head then
        local head, rest = self:bytes():match "^(.-\r\n\r\n)(.*)$"
        if not head then
            return self.ended and { headers = {}, body = self:bytes() } or nil
        end
        self.head, self.parts, self.length = parse_head(head), { rest }, #rest
    end
    local none = self.method == "HEAD" or self.head.status == 304
    local length = none and 0 or tonumber(self.head.headers["content-length"] or 0)
    if self.length < length and not self.ended then
        return nil
    end
    local answer, all = self.head, self:bytes()
    answer.body, self.parts, self.head = all:sub(1, length), { all:sub(length + 1) }, nil
    self.length = #self.parts[1]
    return answer
end

function http_client:close()
    if not self.tcp:is_closing() then
        self.tcp:close()
    end
end

function http_client.close_all()
    for _, each in ipairs(opened) do
        each:close()
    end
    opened = {}
    uv.run "nowait"
end

return http_client
