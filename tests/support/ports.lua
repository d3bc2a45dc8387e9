-- ports: free TCP ports, whether somebody listens on one, and what he answers to a GET.
local process = require "support.process"
local uv = require "luv"

local ports = {}
local given = {}

local function bind_any(host)
    local tcp = uv.new_tcp()
    assert(tcp:bind(host, 0))
    local port = tcp:getsockname().port
    tcp:close()
    return port
end

-- A port that is free on this address, and that was not given out before. Ports below the
-- range that the kernel dials from would be safer still, but who knows what lives there.
function ports.free(host)
    local port
    repeat
        port = bind_any(host or "127.0.0.1")
    until not given[port]
    given[port] = true
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
