-- A swarm in one process, for examples about policies: sessions on addresses of loopback, and
-- made-up data that they give each other.
--
--     local swarm = require("support.swarm").new(4 << 20)      bytes
--     local seed = swarm:seed { bind = "127.0.0.5" }           a torrent that has everything
--     local torrent = swarm:join { bind = "127.0.0.9" }        has nothing, and knows nobody
--     torrent:connect(seed.data.address)
--     swarm:run_until(function() return torrent.done end)
--     swarm:close()

local mare = require "mare"

local swarm = {}
swarm.__index = swarm

local PATIENCE = 50 -- seconds

function swarm.new(size)
    local root = os.tmpname()
    os.remove(root)
    assert(os.execute(("mkdir -p '%s/data'"):format(root)))
    local file, noise = assert(io.open(root .. "/data/moon.img", "wb")), {}
    for i = 1, size // 8 do
        noise[i] = string.pack("<I8", i * 0x9E3779B97F4A7C15)
    end
    file:write(table.concat(noise))
    file:close()
    local bytes = assert(mare.create(root .. "/data/moon.img", { piece_length = 16384 }))
    return setmetatable({ root = root, bytes = bytes, sessions = {} }, swarm)
end

local function open(self, options, add_options)
    local settings = { -- whom they know is up to the example
        port = 0, bind = "127.0.0.1", pex = false, lsd = false, dht = false,
        directory = ("%s/%d"):format(self.root, #self.sessions + 1),
    }
    for name, value in pairs(options or {}) do
        settings[name] = value
    end
    local session = assert(mare.session(settings))
    table.insert(self.sessions, session)
    local torrent = assert(session:add(self.bytes, add_options))
    torrent.data.address = ("%s:%d"):format(settings.bind, session.port)
    return torrent
end

function swarm:join(options)
    return open(self, options)
end

function swarm:seed(options)
    options = options or {}
    options.directory = self.root .. "/data"
    local torrent = open(self, options, { seed = true })
    self:run_until(function() return torrent.done end)
    return torrent
end

-- Until the condition holds, or so many seconds have passed.
function swarm:run_until(condition, seconds)
    local ends = mare.now() + (seconds or PATIENCE)
    while not condition() and mare.now() < ends do
        for _, session in ipairs(self.sessions) do
            assert(session:step(0.002))
        end
    end
    return seconds or assert(condition(), "waited in vain")
end

function swarm:close()
    for _, session in ipairs(self.sessions) do
        session:close(0)
    end
    os.execute(("rm -rf '%s'"):format(self.root))
end

return swarm
