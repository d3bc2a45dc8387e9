-- settings: what script-opts/mare.conf (or --script-opts=mare-NAME=VALUE) says, and what of it the
-- engine is started with. An empty value is the engine's own choice.

local options = require "mp.options"

local settings = {
    directory = "", -- where films go; empty: a cache, or ~/Downloads if they are kept
    on_exit = "delete", -- "delete", "keep" or "seed" what was fetched
    seed_ratio = "", -- with "seed": how far (1)
    max_disk = "", -- most of a torrent that lies on disk: 2G
    memory_only = "", -- write nothing, and keep at most so much: 500M
    memory = "", -- MiB for what is on its way (64)
    up = "", -- limits per second: 500K
    down = "",
    connections = "",
    bind = "", -- an address or a network interface: nothing goes elsewhere
    port = "",
    proxy = "", -- an address, or @FILE that has it; else what MARE_PROXY says
    encryption = "", -- prefer, require or off
    blocklist = "",
    policy = "", -- a Lua file that chooses peers and pieces
    state = "",
    arguments = "", -- more of the command's options, divided by spaces
    attached = "", -- not for people: the address of the `mare play` that has started us
    command = "", -- the command `mare`, if it lies elsewhere
    window = true, -- at once, before the film is there
    overlay = true, -- shown at the beginning and while there is nothing to play
    font_size = 20,
}

options.read_options(settings, "mare")

local flags = {
    directory = "-o", on_exit = "--on-exit", seed_ratio = "--ratio", max_disk = "--max-disk",
    memory_only = "--memory-only", memory = "--memory", up = "--up", down = "--down",
    connections = "--connections", bind = "--bind", port = "--port", proxy = "--proxy",
    encryption = "--encryption", blocklist = "--blocklist", policy = "--policy",
    state = "--state",
}

-- What `mare mpv install` has written down.
local function installed_command()
    local ok, where = pcall(require, "where")
    return ok and type(where) == "table" and where[1] or "mare"
end

function settings.command_name()
    return settings.command ~= "" and settings.command or installed_command()
end

-- The options that `mare mpv engine` gets.
function settings.engine_options()
    local list = {}
    for name, flag in pairs(flags) do
        if settings[name] ~= "" then
            list[#list + 1] = flag
            list[#list + 1] = settings[name]
        end
    end
    for word in settings.arguments:gmatch "%S+" do
        list[#list + 1] = word
    end
    return list
end

return settings
