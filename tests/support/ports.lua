-- ports: free TCP ports, whether somebody listens on one, and what he answers to a GET.
local process = require "support.process"
local uv = require "luv"

local ports = {}
-- Below the range that the kernel dials from: a port of that may be taken by any connection before
-- its listener comes. Where to begin depends on the process, for the sake of two at a time.
local FIRST, COUNT = 12000, 20000
local given = math.tointeger(uv.os_getpid()) * 101

local function is_free(host, port)
    local tcp = uv.new_tcp()
    local bound = tcp:bind(host, port) and tcp:listen(1, function() end)
    tcp:close()
    return bound
end

-- A port that is free on this address, and that was not given out before.
function ports.free(host)
    local port
    repeat
        given = given + 1
        port = FIRST + given % COUNT
    until is_free(host or "127.0.0.1", port)
    return port
end

local function connects(host, port)
    local tcp, answer = uv.new_tcp(), nil
    tcp:connect(host, port, function(err) answer = err or "open" end)
    while not answer do
        uv.run "once"
    end
    tcp:close()
    return answer == "open"
end

function ports.wait(host, port, seconds)
    process.eventually(seconds or 20, ("%s:%d listens"):format(host, port), function()
        return connects(host, port)
    end)
end

-- The body of what http://HOST:PORT/PATH answers, or nil.
function ports.get(host, port, path)
    local tcp, parts, over = uv.new_tcp(), {}, false
    tcp:connect(host, port, function(err)
        if err then
            over = true
            return
        end
        tcp:write(("GET %s HTTP/1.0\r\nHost: %s\r\n\r\n"):format(path, host))
        tcp:read_start(function(failed, data)
            parts[#parts + 1] = data
            over = failed or not data
        end)
    end)
    process.eventually(10, "an answer to GET " .. path, function() return over end)
    tcp:close()
    return table.concat(parts):match "^HTTP/1%.%d 200.-\r\n\r\n(.*)$"
end

return ports
