-- engine: the process that fetches. It is started when the first torrent is opened, and shared by
-- all players of a user.
--
-- It talks to us over mpv's own IPC socket (input-ipc-server; we open one if there is none): when
-- that ends, we have ended, even by kill -9, and it saves and cleans up. Questions go by
-- `mare mpv open`, a program that runs as long as the answer takes: mpv kills it when the user
-- wants something else, and so nothing ever waits for us.

local mp = require "mp"
local settings = require "settings"
local utils = require "mp.utils"

local engine = {}

local client -- the engine's name among mpv's IPC clients

local function own_socket()
    local folder = os.getenv "XDG_RUNTIME_DIR"
    if not folder or folder == "" then
        folder = os.getenv "TMPDIR" or "/tmp"
    end
    return ("%s/mare-mpv-%d-%d.sock"):format(folder, utils.getpid(), os.time())
end

-- mpv lets nobody in but its own user.
local function socket()
    local path = mp.get_property("input-ipc-server", "")
    if path == "" then
        path = own_socket()
        mp.set_property("input-ipc-server", path)
    end
    if path:sub(1, 1) ~= "/" and path:sub(1, 1) ~= "@" then
        path = utils.join_path(mp.get_property("working-directory", ""), path)
    end
    return path
end

local function words(action, path, more)
    local list = { settings.command_name(), "mpv", action, "--player", path, "--script",
        mp.get_script_name() }
    for _, word in ipairs(more) do
        list[#list + 1] = word
    end
    return list
end

-- If there is one already, this ends at once.
local function start(path)
    mp.command_native {
        name = "subprocess", playback_only = false, detach = true,
        args = words("engine", path, settings.engine_options()),
    }
end

local function answer_of(ok, result, problem)
    if ok and result.status == 0 then
        local answer = utils.parse_json(result.stdout)
        return answer or { error = "the engine's answer makes no sense" }
    elseif ok and (result.killed_by_us or result.status == 130) then
        return nil
    end
    local said = result and (result.stderr or ""):match "mare: ([^\n]*)"
    return { error = said or ("cannot start %s (%s); is mare installed?"):format(
        settings.command_name(), problem or result and result.error_string or "it failed") }
end

-- Asks for a source, with the engine's options: it says what is wrong with them. f(answer), or
-- f(nil) when mpv wants something else.
function engine.open(source, f)
    local path, options = socket(), settings.engine_options()
    start(path)
    options[#options + 1] = "--"
    options[#options + 1] = source
    mp.command_native_async({
        name = "subprocess", playback_only = true, capture_stdout = true, capture_stderr = true,
        args = words("open", path, options),
    }, function(...) f(answer_of(...)) end)
end

-- What was told last before the engine had a name is told then: which file is played.
local waiting

function engine.tell(what, value)
    if not client then
        waiting = what == "mare-file" and { what, value } or waiting
    else
        mp.commandv("script-message-to", client, what, (utils.format_json(value)))
    end
end

mp.register_script_message("mare-engine", function(name)
    client = name
    if waiting then
        engine.tell(waiting[1], waiting[2])
        waiting = nil
    end
end)

return engine
