-- scratch: a folder for data that nobody asked to keep. It is named after the process that made it,
-- so that what a crash left behind is known, and swept by the next one.

local cache = require "mare.cli.cache"
local core = require "mare.core"

local base, quote = cache.folder, cache.quote

local scratch = {}
scratch.__index = scratch

local function remove(path)
    os.execute("rm -rf -- " .. quote(path))
end

-- play.PID of processes that are no more.
function scratch.sweep()
    local list <close> = io.popen("ls -1 " .. quote(base()) .. " 2>/dev/null")
    for name in list:lines() do
        local pid = tonumber(name:match "^play%.(%d+)$")
        if pid and not core.process_alive(pid) then
            remove(base() .. "/" .. name)
        end
    end
end

-- A fresh folder; closing it removes it with all that is in it.
function scratch.new()
    scratch.sweep()
    local path = base() .. "/play." .. core.process_id()
    remove(path)
    return setmetatable({ path = path }, scratch)
end

-- The folder around it goes as well, when it is empty.
scratch.__close = function(self)
    remove(self.path)
    os.execute("rmdir -- " .. quote(base()) .. " 2>/dev/null")
end

return scratch
