-- command: `mare` as specs run it: in the swarm's folder, which is its home, too.
--
--     local p = command.start(swarm, "get", "moon.torrent", "--bind", "127.0.0.1")
--     command.until_said(swarm, p, "peers: 1")
--     local status, output, errors = command.finish(swarm, p)
--
-- The swarm goes on while it runs.

local process = require "support.process"

local command = {
    proxy = nil, -- what the environment says of it
    -- Options of a session that talks to this machine alone.
    alone = {
        "--bind", "127.0.0.1", "--port", "0", "--no-dht", "--no-lsd", "--no-portmap",
    },
}

local lua = os.getenv "MARE_LUA" or "lua5.4"
local script = package.searchpath("support.run_mare", package.path)

function command.start(swarm, ...)
    return process.start {
        "env", "HOME=" .. swarm.root, "XDG_STATE_HOME=", "XDG_CACHE_HOME=",
        "MARE_PROXY=" .. (command.proxy or ""), lua, script,
        cwd = swarm.root, ...,
    }
end

-- The same, but what it says goes to a terminal (of which all is output). Words without spaces.
function command.start_on_terminal(swarm, ...)
    return process.start {
        "env", "HOME=" .. swarm.root, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "script", "-qefc",
        table.concat({ lua, script, ... }, " "), "/dev/null", cwd = swarm.root,
    }
end

-- Exit status, output, errors.
function command.finish(swarm, p)
    swarm:until_true(function() return not p:running() end)
    local output, all = p:output(), p:log()
    return p.status, output, all:sub(#output + 1)
end

-- What the pattern matches in its output, once it does; fails if it ends before.
function command.until_said(swarm, p, pattern)
    swarm:until_true(function()
        assert(p:running() or p:output():find(pattern), p:log())
        return p:output():find(pattern)
    end)
    return p:output():match(pattern)
end

return command
