-- proxies: real ones on 127.0.0.9, which is also the address that they connect from: whoever sees
-- another one has been dialled directly.
local ports = require "support.ports"
local process = require "support.process"

local proxies = { host = "127.0.0.9" }

local function write(path, text)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
end

-- microsocks, with user and password if they are given: its URL.
function proxies.socks5_at(port, user, password)
    local command = {
        "microsocks", "-i", proxies.host, "-p", tostring(port), "-b", proxies.host,
    }
    local login = ""
    if user then
        table.move({ "-u", user, "-P", password }, 1, 4, #command + 1, command)
        login = user .. ":" .. password .. "@"
    end
    process.start(command)
    ports.wait(proxies.host, port)
    return ("socks5://%s%s:%d"):format(login, proxies.host, port)
end

function proxies.socks5(_, user, password)
    return proxies.socks5_at(ports.free(proxies.host), user, password)
end

-- tinyproxy: likewise. DIR holds its configuration.
function proxies.http(dir, user, password)
    local port = ports.free(proxies.host)
    local lines = {
        "Port " .. port, "Listen " .. proxies.host, "Bind " .. proxies.host,
        "Allow 127.0.0.0/8", "LogLevel Info", "MaxClients 100", "Timeout 60",
    }
    local login = ""
    if user then
        lines[#lines + 1] = ("BasicAuth %s %s"):format(user, password)
        login = user .. ":" .. password .. "@"
    end
    write(dir .. "/tinyproxy.conf", table.concat(lines, "\n") .. "\n")
    process.start { "tinyproxy", "-d", "-c", dir .. "/tinyproxy.conf" }
    ports.wait(proxies.host, port)
    return ("http://%s%s:%d"):format(login, proxies.host, port)
end

return proxies
