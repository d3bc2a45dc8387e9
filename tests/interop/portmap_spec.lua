-- The router is asked for our port, by both protocols, in a network namespace with a router that
-- tells what it hears.

local netns = require "support.netns"
local process = require "support.process"

local DEADLINE = 30
local PORT = 6881

if not netns.possible() then
    pending "port mapping: network namespaces cannot be made here: run it as root"
    return
end

describe("port mapping", function()
    local inside, outside
    before_each(function()
        inside, outside = netns.pair()
        inside:run("ip", "route", "add", "default", "via", outside.ip4)
    end)
    after_each(process.cleanup)

    local function wait_said(p, what, pattern)
        process.eventually(DEADLINE, what, function() return p:output():match(pattern) end)
        return p:output():match(pattern)
    end

    local function gateway(...)
        local command = { "/usr/bin/python3", "tests/support/fake_gateway.py", outside.ip4, ... }
        command.name = "gateway"
        local p = process.start(outside:command(command))
        wait_said(p, "the gateway is ready", "ready")
        return p
    end

    local function node(...)
        local lua = os.getenv "MARE_LUA" or "lua5.4"
        local command = { lua, "tests/interop/portmap_node.lua", tostring(PORT), ... }
        command.name = "node"
        return process.start(inside:command(command))
    end

    local function close(p)
        p:kill "sigint"
        local from, to = wait_said(p, "the session is closed", "closing\t(%S+)\nclosed\t(%S+)\n")
        return tonumber(from), tonumber(to)
    end

    local function count(p, pattern)
        local _, n = p:output():gsub(pattern, "")
        return n
    end

    for _, protocol in ipairs { "natpmp", "upnp" } do
        local name = protocol == "upnp" and "UPnP" or "NAT-PMP"

        it("by " .. name .. " opens TCP and UDP, and gives both back at the end", function()
            local router = gateway("--" .. protocol)
            local p = node()
            local port, ip, how = wait_said(p, "mapped", "portmap\t(%d+)\t(%S+)\t([^\n]*)")
            assert.equal(tostring(PORT), port)
            assert.equal("203.0.113.7", ip)
            assert.equal(name .. ": port 6881 of 203.0.113.7 leads to us", how)
            assert.equal(1, count(router, "map tcp 6881 %-> 6881 for 3600\n"))
            assert.equal(1, count(router, "map udp 6881 %-> 6881 for 3600\n"))
            close(p)
            wait_said(router, "TCP is given back", "unmap tcp 6881")
            wait_said(router, "UDP is given back", "unmap udp 6881")
        end)

        it("by " .. name .. " is renewed before it ends", function()
            local router = gateway("--" .. protocol, "--lifetime", "2")
            local p = node "2"
            process.eventually(DEADLINE, "renewed twice", function()
                return count(router, "map tcp 6881 ") >= 3 and count(router, "map udp 6881 ") >= 3
            end)
            assert.equal(1, count(p, "portmap")) -- no news
            assert.equal(0, count(router, "unmap"))
        end)
    end

    it("tells of another port outside", function()
        gateway("--natpmp", "--shift", "100")
        wait_said(node(), "mapped", "portmap\t6981\t")
    end)

    it("takes the next port where one is taken", function()
        local router = gateway("--upnp", "--conflict", "6881")
        wait_said(node(), "mapped", "portmap\t6882\t")
        assert.equal(1, count(router, "map tcp 6881 %-> 6882 "))
    end)

    it("does without a lease where the router knows none", function()
        local router = gateway("--upnp", "--permanent")
        wait_said(node(), "mapped", "portmap\t6881\t")
        assert.equal(1, count(router, "map tcp 6881 %-> 6881 for 0\n"))
    end)

    it("is tied to the interface", function()
        gateway "--natpmp"
        wait_said(node("3600", inside.link), "mapped", "portmap\t6881\t")
    end)

    it("is asked by UPnP through the bound address", function()
        gateway "--upnp"
        wait_said(node("3600", inside.ip4), "mapped", "portmap\t6881\t")
    end)

    it("asks nobody on a loopback address", function()
        local router = gateway("--natpmp", "--upnp")
        local p = node("3600", "127.0.0.1")
        wait_said(p, "it runs", "running")
        close(p)
        assert.equal("ready\n", router:output())
        assert.equal(0, count(p, "portmap"))
    end)

    it("says in one sentence that no router answers", function()
        local code, message = wait_said(node(), "it gives up", "failed\t(%S+)\t([^\n]*)")
        assert.equal("timeout", code)
        assert.truthy(message:find "^no router answers by NAT%-PMP or UPnP: ")
    end)

    -- The worker's patience with the router (seconds) does not end while the session closes, but
    -- afterwards; and it does not mind that the module is unloaded meanwhile.
    it("by a router that hangs delays no closing", function()
        local router = gateway "--hang"
        local p = node()
        wait_said(router, "it hangs", "hanging")
        local from, to = close(p)
        p:succeed(DEADLINE)
        local left = tonumber(wait_said(router, "the worker is gone", "left (%S+)"))
        assert(not (from < left and left < to), ("%f %f %f"):format(from, left, to))
    end)

    it("has not been answered yet when the session closes", function()
        local p = node()
        wait_said(p, "it runs", "running")
        close(p)
        p:succeed(DEADLINE)
    end)
end)
