-- viewer: somebody who has installed mpv's script in a home of his own, and a swarm that has films.
--
--     local viewer = viewers.new { files = clips.files() }
--     local player = viewer:start("--pause", viewer:entry(2, "fast.mp4"))     see support.mpv
--     viewer:close()
--
-- What the engine fetches comes from `viewer.swarm`, a session of this process, and nowhere else.

local core = require "mare.core"
local engine = require "mare.cli.mpv_engine"
local json = require "mare.json"
local loopback = require "support.loopback"
local mpv = require "support.mpv"
local process = require "support.process"
local uv = require "luv"

local MARE = assert(uv.fs_realpath "build/mare")
local ALONE = "--bind 127.0.0.1 --port 0 --no-dht --no-lsd --no-portmap"

local viewer = { mare = MARE }
viewer.__index = viewer

-- options are those of loopback.new.
function viewer.new(options)
    local self = setmetatable({ others = {} }, viewer)
    self.swarm = loopback.new(options)
    self.home = self.swarm.root .. "/home"
    assert(os.execute("mkdir -p " .. self.home .. "/run " .. self.home .. "/.cache"))
    assert(self:run("mpv", "install") == 0)
    self:configure ""
    return self
end

-- The command, in this home: its status and what it says.
function viewer:run(...)
    return process.try {
        "env", "-u", "XDG_CONFIG_HOME", "-u", "MPV_HOME", "HOME=" .. self.home, MARE, ...,
    }
end

-- What script-opts/mare.conf says beside where the swarm is; `alone` are options of the command.
function viewer:configure(text, alone)
    loopback.write(self.home .. "/.config/mpv/script-opts/mare.conf",
        ("%s\narguments=%s --peer 127.0.0.1:%d\n"):format(text, alone or ALONE,
            self.swarm:seeder().port))
end

-- Another swarm; it lives as long.
function viewer:another(files)
    self.others[#self.others + 1] = loopback.new { files = files }
    return self.others[#self.others]
end

-- Keeps everybody going.
function viewer:turn()
    uv.run "nowait"
    for _, swarm in ipairs { self.swarm, table.unpack(self.others) } do
        for _, session in ipairs(swarm.sessions) do
            if session.alive then
                assert(session:step(0.001))
            end
        end
    end
end

-- mpv with these arguments.
function viewer:start(...)
    return mpv.start({ ... }, function() self:turn() end, self.home)
end

function viewer.quit(_, player)
    player:command "quit"
    assert(player:ended() == 0)
end

function viewer.torrent(swarm)
    return swarm:seeder():torrents()[1]
end

-- The name under which mpv plays a file.
function viewer:entry(index, name)
    return ("torrent://%s/%d/%s"):format(self.torrent(self.swarm).info_hash, index, name)
end

function viewer.magnet(swarm)
    return ("magnet:?xt=urn:btih:%s&x.pe=127.0.0.1:%d"):format(viewer.torrent(swarm).info_hash,
        swarm:seeder().port)
end

function viewer:until_true(condition)
    self.swarm:until_true(function()
        uv.run "nowait"
        return condition()
    end)
end

-- What the engine tells of itself (status.json).
function viewer.status(_, player)
    local base = player:get "stream-open-filename":match "^(http://[^/]+/[^/]+/)"
    local asked = process.start { "curl", "-s", base .. "status.json" }
    player:eventually("an answer", function() return not asked:running() end)
    return json.decode(asked:output())
end

-- Seconds that a read of the player has waited for what the swarm does not give.
function viewer:waiting(player)
    local longest = 0
    for _, reader in ipairs(self:status(player).torrents[1].readers) do
        longest = math.max(longest, reader.waiting)
    end
    return longest
end

function viewer:until_waiting(player, seconds)
    player:eventually("a read waits", function() return self:waiting(player) > seconds end)
end

-- ---- what is left of it ----------------------------------------------------------------------

-- One that is busy with its end lets nobody in, and is there still.
function viewer:has_engine()
    local channel, _, code = core.channel_connect(engine.name(self.home .. "/run"))
    if channel then
        channel:close()
    end
    return channel ~= nil or code ~= "refused"
end

-- Sockets and films that somebody would have to clean away.
function viewer:strays()
    return process.run { "find", self.home .. "/run", self.home .. "/.cache", "-type", "f", "-o",
        "-type", "s" }
end

function viewer:until_engine_ends()
    self:until_true(function() return not self:has_engine() end)
end

function viewer:close()
    process.cleanup()
    process.eventually(10, "the engine ends", function() return not self:has_engine() end)
    for _, each in ipairs(self.others) do
        each:close()
    end
    self.swarm:close()
    uv.run "nowait" -- frees what was closed; luv does not survive it at the end of Lua
end

return viewer
