-- process: programs that a spec starts, and bounded waits for what they do.
--
--     local seeder = process.start { "aria2c", "--dir", dir, torrent }
--     process.eventually(20, "the seeder listens", function() return ports.open(port) end)
--     process.cleanup() -- in after_each: ends what still runs, removes what was deferred
--
-- Arguments go to the program as they are: no shell is in between. What it prints goes to a file,
-- and a wait that fails shows the files of all programs of the spec. A program dies with the
-- spec that started it, even with one that was killed (setpriv's --pdeathsig).
--
-- The waits turn luv's loop, so that peers written in Lua (support.bad_peer) live in the spec.

local uv = require "luv"

-- A peer in Lua that writes to somebody who has just left gets an error, not the end of the spec.
local broken_pipe = uv.new_signal()
broken_pipe:start("sigpipe", function() end)
broken_pipe:unref()

local process = { signals = uv.constants }
local started, deferred = {}, {}
local LOG_SHOWN = 2000 -- bytes of both ends of each log that a failing wait prints

local method = {}
local meta = { __index = method }

-- The caller's environment without what would send local traffic to a proxy.
local function environment(extra)
    local env = {}
    for name, value in pairs(uv.os_environ()) do
        if not name:lower():match "_proxy$" then
            env[#env + 1] = name .. "=" .. value
        end
    end
    for name, value in pairs(extra or {}) do
        env[#env + 1] = name .. "=" .. value
    end
    return env
end

local function read_file(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
end

local function with_parent(command, user)
    local all = { "--pdeathsig", "KILL" }
    if user and uv.getuid() == 0 then
        table.move({ "--reuid", user, "--regid", user, "--clear-groups" }, 1, 5, #all + 1, all)
    end
    all[#all + 1] = "--"
    return table.move(command, 1, #command, #all + 1, all)
end

-- process.start { PROGRAM, ARGUMENT..., cwd=, env=, name=, user= }: user is the one that root
-- becomes first. Output and errors together are p:log(), output alone is p:output().
function process.start(command)
    local fd, path = uv.fs_mkstemp((os.getenv "TMPDIR" or "/tmp") .. "/mare-log-XXXXXX")
    assert(fd, path)
    local errors = assert(uv.fs_open(path .. ".err", "w+", 384))
    local self = setmetatable({ path = path, name = command.name or command[1] }, meta)
    self.handle, self.pid = uv.spawn("setpriv", {
        args = with_parent(command, command.user),
        cwd = command.cwd,
        env = environment(command.env),
        stdio = { nil, fd, errors },
    }, function(status, signal)
        self.status = signal == 0 and status or 128 + signal
        self.handle:close()
    end)
    uv.fs_close(fd)
    uv.fs_close(errors)
    started[#started + 1] = self
    assert(self.handle, self.pid)
    return self
end

-- Its files and its place in the list: whoever tells of it later has nothing to tell.
local function forget(self)
    os.remove(self.path)
    os.remove(self.path .. ".err")
    for i = #started, 1, -1 do
        if started[i] == self then
            table.remove(started, i)
        end
    end
end

function method:output()
    return read_file(self.path)
end

function method:log()
    return read_file(self.path) .. read_file(self.path .. ".err")
end

function method:running()
    uv.run "nowait"
    return self.status == nil
end

function method:kill(signal)
    if self:running() then
        self.handle:kill(signal or "sigterm")
    end
end

-- Its exit status, 128 + N when signal N ended it. Raises when that takes too long.
function method:wait(seconds)
    process.eventually(seconds, self.name .. " ends", function() return self.status end)
    return self.status
end

-- What the kernel tells of it while it runs, from /proc/PID/FILE: the number behind NAME.
function method:told(file, name)
    local text = read_file(("/proc/%d/%s"):format(self.pid, file))
    return tonumber(text:match("%f[%w]" .. name .. ":%s*(%d+)"))
end

-- Raises, with the log, unless the program ends well.
function method:succeed(seconds)
    if self:wait(seconds) ~= 0 then
        error(("%s ended with status %d\n%s"):format(self.name, self.status, process.logs()), 0)
    end
    return self
end

-- Starts a program and waits for it to end: its status and all that it printed. The logs of a
-- failing wait do not show it.
function process.try(command)
    local p = process.start(command)
    local status = p:wait(command.seconds or 30)
    local text = p:log()
    forget(p)
    return status, text
end

-- The same for a program that has to end well: what it printed.
function process.run(command)
    local status, text = process.try(command)
    if status ~= 0 then
        error(("%s ended with status %d\n%s"):format(command[1], status, text), 0)
    end
    return text
end

-- ---- waiting ---------------------------------------------------------------------------------

-- Turns the loop for a while.
function process.pause(seconds)
    local timer, over = uv.new_timer(), false
    timer:start(math.ceil(seconds * 1000), 0, function() over = true end)
    while not over do
        uv.run "once"
    end
    timer:close()
end

-- What the programs of this spec have printed, newest last.
function process.logs()
    local all = {}
    for _, p in ipairs(started) do
        local text = p:log()
        if #text > 2 * LOG_SHOWN then
            text = text:sub(1, LOG_SHOWN) .. "\n[...]\n" .. text:sub(-LOG_SHOWN)
        end
        local fate = p.status and "ended with status " .. p.status or "still runs"
        all[#all + 1] = ("---- %s (pid %d) %s\n%s"):format(p.name, p.pid, fate, text)
    end
    return table.concat(all, "\n")
end

-- Asks until the answer is true, and returns it; raises with the logs when `seconds` are over.
-- These are deadlines against hanging: generous, and no statement about speed.
function process.eventually(seconds, what, ask)
    local deadline = uv.hrtime() + seconds * 1e9
    repeat
        local answer = ask()
        if answer then
            return answer
        end
        process.pause(0.05)
    until uv.hrtime() > deadline
    error(("waited %g s in vain: %s\n%s"):format(seconds, what, process.logs()), 0)
end

-- ---- the end ---------------------------------------------------------------------------------

-- Runs f at the next cleanup, after the programs have ended; last deferred, first run.
function process.defer(f)
    deferred[#deferred + 1] = f
end

function process.cleanup()
    for _, p in ipairs(started) do
        p:kill "sigkill"
    end
    for i = #started, 1, -1 do
        started[i]:wait(10)
        forget(started[i])
    end
    while #deferred > 0 do
        table.remove(deferred)()
    end
    -- What is closed is freed by one more turn; luv does not survive it at the end of Lua.
    uv.run "nowait"
end

return process
