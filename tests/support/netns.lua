-- netns: network namespaces, for what needs a network that is not loopback, or that nobody else may
-- see. They need root (or what of it unshare(1) asks for); without, their specs are pending and
-- say so.
--
--     if not netns.enter "tests/interop/x_spec.lua" then return end
--         the rest of this file runs in a namespace of its own that has 10.77.0.0/16 for itself
--
--     local left, right = netns.pair()       two more, joined by a cable: left.ip4, right.ip6 ...
--     process.start(left:command { "build/mare", ... })

local busted = require "busted"
local process = require "support.process"
local uv = require "luv"

local netns = { address = "10.77.0.1" }

-- The interface `lo` is all there is; every address of the net is this machine's own.
local SETUP = [[
    ip link set lo up
    ip addr add 10.77.0.1/32 dev lo
    ip route add local 10.77.0.0/16 dev lo
    exec "$@"
]]

function netns.possible()
    return (process.try { "unshare", "--net", "ip", "link", "set", "lo", "up" }) == 0
end

-- True inside of the namespace. Outside it makes the one test that goes there.
function netns.enter(file)
    if os.getenv "MARE_NETNS" then
        return true
    end
    busted.describe(file .. ", in a network of its own", function()
        busted.after_each(process.cleanup)

        busted.it("passes", function()
            if not netns.possible() then
                busted.pending "network namespaces cannot be made here: run it as root"
                return
            end
            local status, text = process.try {
                "unshare", "--net", "sh", "-ec", SETUP, "sh",
                os.getenv "MARE_LUA" or "lua5.4", "tests/support/busted.lua",
                "--output=plainTerminal", file,
                env = { MARE_NETNS = "1" }, seconds = 600,
            }
            assert(status == 0, text)
            print((text:gsub("\n*$", "")))
        end)
    end)
    return false
end

-- ---- pairs -----------------------------------------------------------------------------------

local method = {}
local meta = { __index = method }

-- The same command, run in there.
function method:command(command)
    local all = { "nsenter", "--net", "--target", tostring(self.holder.pid), "--" }
    table.move(command, 1, #command, #all + 1, all)
    for key, value in pairs(command) do
        if type(key) == "string" then
            all[key] = value
        end
    end
    all.name = command.name or command[1]
    return all
end

function method:run(...)
    return process.run(self:command { ... })
end

-- A namespace lives as long as a process in it.
local function new(number)
    local holder = process.start { "unshare", "--net", "sleep", "infinity" }
    local self = setmetatable({
        holder = holder, link = "mare" .. number,
        ip4 = "10.78.0." .. number, ip6 = "fd78::" .. number,
    }, meta)
    local function own() -- unshare has happened when the two differ
        return uv.fs_readlink(("/proc/%d/ns/net"):format(holder.pid))
    end
    process.eventually(10, "a network namespace", function()
        return own() and own() ~= uv.fs_readlink "/proc/self/ns/net"
    end)
    return self
end

local function bring_up(self)
    self:run("ip", "link", "set", "lo", "up")
    self:run("ip", "addr", "add", self.ip4 .. "/24", "dev", self.link)
    self:run("ip", "addr", "add", self.ip6 .. "/64", "dev", self.link, "nodad")
    self:run("ip", "link", "set", self.link, "up")
end

-- The kernel takes up to a second to notice that both ends are up; what is sent before is lost.
local function wait_up(self)
    process.eventually(10, self.link .. " is up", function()
        return self:run("ip", "-o", "link", "show", self.link):find "state UP"
    end)
end

function netns.pair()
    local left, right = new(1), new(2)
    process.run {
        "ip", "link", "add", left.link, "netns", tostring(left.holder.pid), "type", "veth",
        "peer", "name", right.link, "netns", tostring(right.holder.pid),
    }
    bring_up(left)
    bring_up(right)
    wait_up(left)
    wait_up(right)
    return left, right
end

return netns
