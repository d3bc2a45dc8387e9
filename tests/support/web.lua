-- web: a web server of one file, which answers any request with it.

local uv = require "luv"

local web = {}

-- The port at 127.0.0.1; server:close() ends it.
function web.serve(bytes)
    local server = uv.new_tcp()
    assert(server:bind("127.0.0.1", 0))
    assert(server:listen(8, function()
        local client = uv.new_tcp()
        server:accept(client)
        client:read_start(function(_, request)
            if request then
                client:write(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n")
                    :format(#bytes) .. bytes)
                client:shutdown()
            end
            if not request and not client:is_closing() then
                client:close()
            end
        end)
    end))
    return server, server:getsockname().port
end

return web
