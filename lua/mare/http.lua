-- http: the streaming server's Lua half: session:serve, and the page that lies beside this file in
-- web/. What is served, and how, is in src/engine/stream_*.c.

local core = require "mare.core"

local http = {}

-- Name at the server, type, file. The page itself has no name.
local parts = {
    { "", "text/html; charset=utf-8", "index.html" },
    { "style.css", "text/css; charset=utf-8", "style.css" },
    { "status.js", "text/javascript; charset=utf-8", "status.js" },
    { "piece_map.js", "text/javascript; charset=utf-8", "piece_map.js" },
    { "list.js", "text/javascript; charset=utf-8", "list.js" },
    { "stage.js", "text/javascript; charset=utf-8", "stage.js" },
    { "page.js", "text/javascript; charset=utf-8", "page.js" },
    { "icon.svg", "image/svg+xml", "icon.svg" },
}

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."

-- What of the page is there: where this module lies in an archive, there is none of it, and the
-- rest works without.
local function read_page()
    local assets = {}
    for _, part in ipairs(parts) do
        local file = io.open(here .. "/web/" .. part[3], "rb")
        if file then
            assets[#assets + 1] = { part[1], part[2], file:read "a" }
            file:close()
        end
    end
    return assets
end

-- session:serve{ host =, port =, token = }
function http.serve(session, options)
    if not session.alive then
        error("session is closed", 2)
    end
    local ok, server, message, code = pcall(session._serve, session, options, read_page())
    if not ok then
        error(server, 2) -- misuse is the caller's line, not this one
    end
    return server, message, code
end

-- The `http` of mare.session's options: nothing, true, or what serve takes. The other options, and
-- what to serve with.
function http.split(options)
    local wish = options and options.http
    if wish == nil then
        return options
    elseif type(wish) ~= "boolean" and type(wish) ~= "table" then
        error("http must be true, false or a table, not a " .. type(wish), 3)
    end
    local rest = {}
    for name, value in pairs(options) do
        if name ~= "http" then
            rest[name] = value
        end
    end
    return rest, wish == true and {} or wish or nil
end

core.methods.session.serve = http.serve

return http
