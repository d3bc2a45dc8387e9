-- mpv: the player without a window or a sound, asked and told through its IPC socket.
--
--     local player = mpv.start({ url }, turn)      turn() keeps the rest of the world going
--     player:get "time-pos"                        a number, string or boolean, or nil
--     player:command("seek", 10, "absolute")

local core = require "mare.core"
local line = require "mare.cli.json"
local json = require "mare.json"
local process = require "support.process"
local uv = require "luv"

local mpv = {}
mpv.__index = mpv

local PATIENCE = 15 -- seconds

local function connect(self)
    self.pipe = uv.new_pipe()
    local connected, failed
    self.pipe:connect(self.path, function(problem) connected, failed = not problem, problem end)
    while not connected and not failed do
        uv.run "nowait"
    end
    if failed then
        self.pipe:close()
        return false
    end
    self.pipe:read_start(function(_, bytes)
        self.buffer = self.buffer .. (bytes or "")
    end)
    return true
end

-- What a player of the user whose home this is begins with.
function mpv.at_home(home)
    return {
        "env", "-u", "XDG_CONFIG_HOME", "-u", "XDG_CACHE_HOME", "-u", "XDG_STATE_HOME",
        "-u", "MPV_HOME", "HOME=" .. home, "XDG_RUNTIME_DIR=" .. home .. "/run", "mpv",
        "--vo=null", "--ao=null", "--msg-level=all=warn", "--no-input-terminal",
    }
end

local BARE = {
    "mpv", "--no-config", "--vo=null", "--ao=null", "--msg-level=all=warn", "--ytdl=no",
    "--stream-lavf-o-append=reconnect=0",
}

-- One that listens at a path, or will, as long as the process lives.
function mpv.attach(path, process_of_it, turn)
    local self = setmetatable({
        path = path, process = process_of_it, turn = turn, buffer = "", last = 0,
    }, mpv)
    self:eventually("it listens", function()
        return uv.fs_stat(path) and connect(self)
    end)
    return self
end

-- `words` are further arguments. With a home it has its user's configuration and scripts.
function mpv.start(words, turn, home)
    local path = os.tmpname()
    os.remove(path)
    local command = home and mpv.at_home(home) or table.move(BARE, 1, #BARE, 1, {})
    command[#command + 1] = "--input-ipc-server=" .. path
    table.move(words, 1, #words, #command + 1, command)
    return mpv.attach(path, process.start(command), turn)
end

function mpv:eventually(what, condition)
    local ends = uv.hrtime() + PATIENCE * 1e9
    while true do
        local answer = condition()
        if answer then
            return answer
        end
        assert(uv.hrtime() < ends and (self.process:running() or what == "it ends"),
            ("waited in vain: %s (%s)\n%s"):format(what, self.seen, self.process:log()))
        self.turn()
        uv.run "nowait"
    end
end

-- The answer's data.
function mpv:command(...)
    self.last = self.last + 1
    local mark = ('"request_id":%d,'):format(self.last)
    self.pipe:write(line.encode { command = { ... }, request_id = self.last } .. "\n")
    local answer = self:eventually("an answer to " .. (...), function()
        for each in self.buffer:gmatch "([^\n]*)\n" do
            if (each:gsub("}", ",")):find(mark, 1, true) then
                return each
            end
        end
    end)
    local data = json.decode(answer).data
    if data ~= core.null then
        return data
    end
end

function mpv:get(property)
    return self:command("get_property", property)
end

function mpv:until_get(property, condition)
    local value
    self:eventually(property, function()
        value = self:get(property)
        self.seen = value
        return value ~= nil and condition(value)
    end)
    return value
end

-- Until there is something to see, paused or not.
function mpv:until_shown()
    self:until_get("time-pos", function(at) return at >= 0 end)
end

-- To a second, until it is there.
function mpv:seek(to)
    self:command("seek", to, "absolute")
    self:until_get("time-pos", function(at) return math.abs(at - to) < 0.3 end)
    self:until_get("seeking", function(is) return not is end)
end

-- Its exit status.
function mpv:ended()
    self:eventually("it ends", function() return not self.process:running() end)
    self:close()
    return self.process.status
end

function mpv:close()
    if not self.pipe:is_closing() then
        self.pipe:close()
    end
    os.remove(self.path)
end

return mpv
