-- mpv_install: the mpv script's way to where mpv looks for scripts, and away again.
--
-- A folder `mare` below mpv's `scripts` gets copies of the script's files and one more, where.lua,
-- which tells the script where this command lies. Nothing but what we have put there is removed.

local transfer = require "mare.cli.transfer"

local install = {}

local FILES = { "main", "engine", "health", "overlay", "picker", "settings", "source" }
local GENERATED = "where"
local MARK = "-- written by `mare mpv install`"

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."

local function read(path)
    local file = io.open(path, "rb")
    if file then
        local text = file:read "a"
        file:close()
        return text
    end
end

local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function write(path, text)
    local file, message = io.open(path, "wb")
    transfer.check(file, message and "cannot write " .. message)
    local ok, why = file:write(text)
    ok = file:close() and ok
    transfer.check(ok, ("cannot write %s: %s"):format(path, why or "the disk refused"))
end

-- The script's files: beside our modules when installed, else in the checkout.
function install.sources()
    for _, folder in ipairs { here .. "/../mpv", here .. "/../../mpv/mare" } do
        if read(folder .. "/main.lua") then
            return folder
        end
    end
    transfer.fail("mpv's script is missing: it should lie in %s/../mpv", here)
end

local function scripts_folder()
    local base, home = os.getenv "XDG_CONFIG_HOME", os.getenv "HOME"
    local own = os.getenv "MPV_HOME"
    if own and own ~= "" then
        return own .. "/scripts"
    elseif base and base:sub(1, 1) == "/" then
        return base .. "/mpv/scripts"
    elseif home and home ~= "" then
        return home .. "/.config/mpv/scripts"
    end
    transfer.fail "there is no home folder to install to: HOME is not set"
end

-- An absolute path of the command that runs now; mpv starts it in any folder.
local function command()
    local path = arg and arg[0] or "mare"
    if path:sub(1, 1) ~= "/" then
        path = (os.getenv "PWD" or ".") .. "/" .. path
    end
    return path
end

local function is_ours(folder)
    local text = read(folder .. "/" .. GENERATED .. ".lua")
    return text ~= nil and text:sub(1, #MARK) == MARK
end

function install.install()
    local from, folder = install.sources(), scripts_folder() .. "/mare"
    if read(folder .. "/main.lua") and not is_ours(folder) then
        transfer.fail("%s is somebody else's script: move it away first", folder)
    end
    transfer.check(os.execute("mkdir -p -- " .. quote(folder)),
        ("cannot create %s"):format(folder))
    for _, name in ipairs(FILES) do
        write(("%s/%s.lua"):format(folder, name),
            transfer.check(read(("%s/%s.lua"):format(from, name)), name .. ".lua is missing"))
    end
    write(("%s/%s.lua"):format(folder, GENERATED),
        ("%s: the command it belongs to.\nreturn { %q }\n"):format(MARK, command()))
    print(("mpv plays torrents now (%s). Try: mpv 'magnet:?...'"):format(folder))
    return 0
end

function install.uninstall()
    local folder = scripts_folder() .. "/mare"
    if not is_ours(folder) then
        transfer.fail("there is nothing of ours in %s", folder)
    end
    for _, name in ipairs(FILES) do
        os.remove(("%s/%s.lua"):format(folder, name))
    end
    os.remove(("%s/%s.lua"):format(folder, GENERATED))
    os.remove(folder)
    print("mpv's script is gone; what you have set in script-opts/mare.conf is not touched")
    return 0
end

return install
