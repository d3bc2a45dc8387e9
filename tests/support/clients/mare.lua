-- mare, by its command: what it prints as JSON lines is p:events().
local json = require "dkjson"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local mare = { host = "127.0.0.1" }

local method = {}

-- All events so far, or those of one name.
function method:events(name)
    local list = {}
    for line in self:output():gmatch "([^\n]*)\n" do
        local event = assert(json.decode(line), line)
        if not name or event.event == name then
            list[#list + 1] = event
        end
    end
    return list
end

-- The newest of its kind, or nil.
function method:last(name)
    local list = self:events(name)
    return list[#list]
end

-- Waits for an event of this name of which `test`, if there is one, holds; returns it.
function method:wait_event(seconds, name, test)
    return process.eventually(seconds, self.name .. " tells of " .. name, function()
        for _, event in ipairs(self:events(name)) do
            if not test or test(event) then
                return event
            end
        end
        if self.status and self.status ~= 0 then
            error(self.name .. " ended early\n" .. process.logs(), 0)
        end
    end)
end

-- Waits until it has ended well; the totals that it closes with.
function method:complete(seconds)
    self:succeed(seconds)
    return assert(self:last "done", "no closing line")
end

local function option(command, name, value)
    if value then
        command[#command + 1] = name
        command[#command + 1] = tostring(value)
    end
end

local function start(verb, o, command)
    local port, host = o.port or ports.free(), o.host or mare.host
    table.move({ "build/mare", verb, o.torrent, "--json" }, 1, 4, 1, command)
    option(command, "--state", o.state or tmpdir())
    if not o.unbound then
        option(command, "--bind", host)
    end
    option(command, "--port", port)
    option(command, "--down", o.down)
    option(command, "--up", o.up)
    option(command, "--receive", o.receive)
    option(command, "--proxy", o.proxy)
    if o.bypass then
        command[#command + 1] = "--proxy-bypass"
    end
    option(command, "--encryption", o.encryption)
    option(command, "--dht-router", o.node)
    if not o.node then -- the usual way into the DHT leads out of here
        command[#command + 1] = "--no-dht"
    end
    for _, peer in ipairs(o.peers or {}) do
        option(command, "--peer", peer)
    end
    table.move(o.more or {}, 1, #(o.more or {}), #command + 1, command)
    local self = process.start(o.within and o.within:command(command) or command)
    self.name, self.address = "mare " .. verb, ("%s:%d"):format(host, port)
    for name, f in pairs(method) do
        self[name] = f
    end
    return self
end

-- o: torrent (a file, or a link), dir, and what else there is of port, host, peers, proxy, bypass
-- (of it), state, down, up, receive, encryption, node (where it enters the DHT), within (a network
-- of support.netns), unbound (not on the host's address alone), more (words of the command line);
-- get: seed (true to go on uploading).
function mare.get(o)
    local command = { "", "", "", "", "-o", o.dir }
    if o.seed then
        command[#command + 1] = "--seed"
    end
    return start("get", o, command)
end

-- Comes back when the data has been checked and the port is open.
function mare.seed(o)
    local self = start("seed", o, { "", "", "", "", "--data", o.dir })
    self:wait_event(20, "seeding")
    return self
end

return mare
