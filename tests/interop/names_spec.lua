-- A name server that takes questions and never answers: nobody waits for it who has given up.

local netns = require "support.netns"

if not netns.enter "tests/interop/names_spec.lua" then
    return
end

local process = require "support.process"
local tmpdir = require "support.tmpdir"
local uv = require "luv"

local SERVER = "10.77.0.53"
local DEADLINE = 30

-- Asks for a DHT router and for two trackers, then closes as soon as a line comes. Its resolver's
-- patience (150 s) is longer than the spec's.
local NODE = [[
    local mare = require "mare"
    local folder = ...
    local session = assert(mare.session {
        port = 0, directory = folder, lsd = false, portmap = false,
        dht = { routers = { "router.invalid:6881" } },
    })
    local function add(hash, tracker)
        return assert(session:add("magnet:?xt=urn:btih:" .. hash:rep(20) .. "&tr=" .. tracker))
    end
    local torrent = add("42", "http://http.invalid/announce")
    add("43", "udp://udp.invalid:80/announce")
    local go = folder .. "/go"
    while not io.open(go) do
        assert(session:step(0.05))
    end
    ENDING
]]

local AS_ITS_RESOLVER = [[
    printf 'nameserver %s\noptions timeout:30 attempts:5\n' "$1" >"$2"
    mount --bind "$2" /etc/resolv.conf
    shift 2
    exec "$@"
]]

describe("a name server that is dead", function()
    local asked, socket, dir
    before_each(function()
        asked = {}
        dir = tmpdir()
        socket = uv.new_udp()
        assert(socket:bind(SERVER, 53))
        socket:recv_start(function(_, packet)
            local name = packet and packet:match("^............([^%z]+)")
            if name then
                asked[name:match "^.(%w+)"] = true
            end
        end)
    end)
    after_each(function()
        socket:close()
        process.cleanup()
    end)

    local function node(ending)
        local file = assert(io.open(dir .. "/node.lua", "w"))
        file:write((NODE:gsub("ENDING", ending)))
        file:close()
        local p = process.start {
            "unshare", "--mount", "sh", "-ec", AS_ITS_RESOLVER, "sh", SERVER, dir .. "/resolv.conf",
            os.getenv "MARE_LUA" or "lua5.4", dir .. "/node.lua", dir, name = "node",
        }
        process.eventually(DEADLINE, "all names are asked for", function()
            return asked.router and asked.udp and asked.http
        end)
        assert(io.open(dir .. "/go", "w")):close()
        return p
    end

    it("delays neither closing nor the end of the process", function()
        node("session:close() session = nil os.exit(0, true)"):succeed(DEADLINE)
    end)

    it("does not hold the loop when a torrent goes", function()
        node([[
            session:remove(torrent)
            for _ = 1, 10 do assert(session:step(0.01)) end
            os.exit(0)
        ]]):succeed(DEADLINE)
    end)
end)
