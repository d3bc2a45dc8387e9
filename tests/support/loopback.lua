-- loopback: sessions of one process that talk to each other, for specs of the Lua side.
--
--     local swarm = loopback.new()                a seeder and its torrent
--     local session = swarm:session {}            another session, with a folder of its own
--     local torrent = swarm:add(session)          connected to the seeder
--     swarm:until_true(function() return torrent.done end)
--     swarm:close()

local mare = require "mare"

local loopback = {}
loopback.__index = loopback

local PATIENCE = 20 -- seconds; a deadline against hanging, no statement about speed

-- Numbers that look random and are the same each time.
function loopback.noise(size, seed)
    local parts, x = {}, seed
    for i = 1, (size + 7) // 8 do
        x = x * 6364136223846793005 + 1442695040888963407
        parts[i] = string.pack("<i8", x ~ (x >> 29))
    end
    return table.concat(parts):sub(1, size)
end

function loopback.folder()
    local path = os.tmpname()
    os.remove(path)
    assert(os.execute("mkdir -p " .. path))
    return path
end

function loopback.write(path, bytes)
    assert(os.execute(("mkdir -p '%s'"):format(path:match "^(.*)/")))
    local f = assert(io.open(path, "wb"))
    f:write(bytes)
    f:close()
end

function loopback.read(path)
    local f = io.open(path, "rb")
    if f then
        local bytes = f:read "a"
        f:close()
        return bytes
    end
end

-- 400 KiB in four files, one of them empty; pieces of 16 KiB lie across files.
loopback.files = {
    { "a.bin", loopback.noise(300001, 1) },
    { "sub/b.bin", loopback.noise(70000, 2) },
    { "sub/c.txt", "a line\n" },
    { "z.empty", "" },
}

-- options.trackers go into the torrent, and options.files instead of the usual ones.
function loopback.new(options)
    local self = setmetatable({ root = loopback.folder(), sessions = {}, folders = 0 }, loopback)
    for _, file in ipairs(options and options.files or loopback.files) do
        loopback.write(self.root .. "/data/moon/" .. file[1], file[2])
    end
    self.bytes = assert(mare.create(self.root .. "/data/moon",
        { piece_length = 16384, trackers = options and options.trackers }))
    loopback.write(self.root .. "/moon.torrent", self.bytes)
    self.path = self.root .. "/moon.torrent"
    return self
end

-- A session that lives as long as the swarm. Sessions meet where a spec lets them: those with a DHT
-- would tell each other of it by PORT messages.
function loopback:session(options)
    self.folders = self.folders + 1
    local settings = {
        port = 0, bind = "127.0.0.1", dht = false, directory = self.root .. "/" .. self.folders,
    }
    for name, value in pairs(options or {}) do
        settings[name] = value
    end
    local session = assert(mare.session(settings))
    table.insert(self.sessions, session)
    return session
end

-- The session that has everything, and is ready to give it.
function loopback:seeder()
    if not self.seed then
        self.seed = self:session { directory = self.root .. "/data" }
        local torrent = assert(self.seed:add(self.bytes, { seed = true }))
        self:until_true(function() return torrent.state == "seeding" end)
    end
    return self.seed
end

-- One more that has everything: its port. (An address that was just left is not dialled again.)
function loopback:another_port()
    local session = self:session { directory = self.root .. "/data" }
    local torrent = assert(session:add(self.bytes, { seed = true }))
    self:until_true(function() return torrent.state == "seeding" end)
    return session.port
end

-- The torrent in this session, connected to the seeder.
function loopback:add(session, options)
    local seeder = self:seeder()
    local torrent = assert(session:add(self.bytes, options))
    assert(torrent:connect("127.0.0.1:" .. seeder.port))
    return torrent
end

-- Steps all sessions until the condition holds. A step's failure is the spec's.
function loopback:until_true(condition)
    local ends = mare.now() + PATIENCE
    while not condition() do
        assert(mare.now() < ends, "waited in vain")
        self:turn()
    end
end

-- A step of each; one may close another meanwhile.
function loopback:turn()
    for _, session in ipairs(self.sessions) do
        if session.alive then
            local ok, message, code = session:step(0.001)
            assert(ok or code == "closed", message)
        end
    end
end

-- The torrent's file of that name below "moon/".
function loopback.file_named(torrent, name)
    for _, file in ipairs(torrent.files) do
        if file.path == "moon/" .. name then
            return file
        end
    end
end

function loopback:steps(n)
    for _ = 1, n do
        for _, session in ipairs(self.sessions) do
            if session.alive then
                session:step(0)
            end
        end
    end
end

function loopback:close()
    for _, session in ipairs(self.sessions) do
        session:close(0)
    end
    os.execute(("rm -rf '%s'"):format(self.root))
end

-- Does the folder hold what the seeder has?
function loopback.is_whole(folder)
    for _, file in ipairs(loopback.files) do
        if loopback.read(folder .. "/moon/" .. file[1]) ~= file[2] then
            return false
        end
    end
    return true
end

return loopback
