-- Something to download, for examples that were started without a torrent: a small folder of
-- made-up files, and a second process that seeds it on loopback, for a minute at most.
--
--     local seeder = require("support.seeder").start()
--     seeder.torrent     the bytes of a .torrent
--     seeder.address     where the seeder listens
--     seeder.bind        the address of this machine alone: nobody else is looked for
--     seeder.directory   an empty folder to download into
--     seeder:stop()      ends the process and deletes everything

local mare = require "mare"

local seeder = {}
seeder.__index = seeder

local LIFETIME = 60 -- seconds

local function sh(format, ...)
    return os.execute(format:format(...))
end

local function read_file(path)
    local file = io.open(path)
    local text = file and file:read "a"
    if file then
        file:close()
    end
    return text
end

-- The second process: seeds ROOT/seed/moon and writes its port where the first one looks.
local function serve(root)
    local session = assert(mare.session {
        port = 0, bind = "127.0.0.1", directory = root .. "/seed",
    })
    local torrent = assert(session:add(read_file(root .. "/moon.torrent"), { seed = true }))
    torrent:on("done", function()
        local file = assert(io.open(root .. "/port.new", "w"))
        file:write(session.port)
        file:close()
        os.rename(root .. "/port.new", root .. "/port")
    end)
    session:run(LIFETIME)
    session:close(0)
end

local function write_file(path, size)
    local file, noise = assert(io.open(path, "wb")), {}
    for i = 1, 1024 do
        noise[i] = string.pack("<I8", math.random(0))
    end
    local block = table.concat(noise)
    for at = 0, size - 1, #block do
        file:write(string.pack("<I8", at), block:sub(9, size - at))
    end
    file:close()
end

-- A command line that runs this file with this interpreter and these paths.
local function command(root)
    local here = debug.getinfo(1, "S").source:sub(2)
    return ("LUA_PATH='%s' LUA_CPATH='%s' %s '%s' '%s'"):format(package.path, package.cpath,
        arg[-1] or "lua5.4", here, root)
end

function seeder.start()
    local root = os.tmpname()
    os.remove(root)
    assert(sh("mkdir -p '%s/seed/moon' '%s/got'", root, root))
    write_file(root .. "/seed/moon/mare imbrium.img", 12000000)
    write_file(root .. "/seed/moon/mare crisium.img", 3000000)
    write_file(root .. "/seed/moon/notes.txt", 1969)
    local torrent = assert(mare.create(root .. "/seed/moon", { piece_length = 262144 }))
    local file = assert(io.open(root .. "/moon.torrent", "wb"))
    file:write(torrent)
    file:close()
    local child = assert(io.popen(command(root) .. " >/dev/null 2>&1 & echo $!"))
    local pid = child:read "n"
    child:close()
    local port
    repeat
        port = read_file(root .. "/port")
    until port or not sh("sleep 0.02; kill -0 %d 2>/dev/null", pid)
    return setmetatable({
        torrent = torrent, address = "127.0.0.1:" .. assert(port, "the seeder did not start"),
        bind = "127.0.0.1", directory = root .. "/got", root = root, pid = pid,
    }, seeder)
end

function seeder:stop()
    sh("kill %d 2>/dev/null; rm -rf '%s'", self.pid, self.root)
end

if not ... or ... ~= "support.seeder" then
    serve(arg[1])
end

return seeder
