-- play_mpv: what `mare play` and the mpv that it has started tell each other. mpv gets the script
-- that plays torrents (lua/mpv/mare) for this once, attached to us: it shows what goes on, tells
-- how the player is, and has it released from a seek that is stuck. The engine is ourselves.

local core = require "mare.core"
local mpv_install = require "mare.cli.mpv_install"
local mpv_player = require "mare.cli.mpv_player"
local mpv_torrents = require "mare.cli.mpv_torrents"

local link = {}
link.__index = link

local EVERY = 0.25 -- seconds between two reports

local function runtime_folder()
    local folder = os.getenv "XDG_RUNTIME_DIR"
    if not folder or folder == "" then
        folder = os.getenv "TMPDIR" or "/tmp"
    end
    return folder
end

-- Sockets of those of us that were killed.
local function sweep(folder)
    local quoted = "'" .. folder:gsub("'", "'\\''") .. "'"
    local list <close> = io.popen("ls -1 " .. quoted .. "/mare-mpv-play-*.sock 2>/dev/null")
    for path in list:lines() do
        local pid = tonumber(path:match "%-(%d+)%.sock$")
        if pid and not core.process_alive(pid) then
            os.remove(path)
        end
    end
end

local function socket()
    local folder = runtime_folder()
    sweep(folder)
    return ("%s/mare-mpv-play-%d.sock"):format(folder, core.process_id())
end

-- nil: not for this command. Whoever has a socket of his own for mpv keeps it.
function link.new(command, torrent, http)
    local name = (command:match "^%S+" or ""):match "[^/]*$"
    if not name:find "^mpv" or command:find("input-ipc-server", 1, true) then
        return nil
    end
    return setmetatable({
        path = socket(), torrent = torrent, base = http.url, next_report = 0,
        torrents = mpv_torrents.new(nil, http, { on_exit = "delete" }),
    }, link)
end

-- Options of mpv.
function link:words()
    return {
        "--input-ipc-server=" .. self.path, "--script=" .. mpv_install.sources(),
        "--script-opts-append=mare-attached=" .. self.base,
    }
end

local function file_of(self, url)
    for _, file in ipairs(self.torrent.files) do
        if file.url == url then
            return file
        end
    end
end

local said = {
    ["mare-health"] = function(self, health)
        self.torrents:take_health(self.player, health)
    end,
    ["mare-drop"] = function(self, seek)
        self.torrents:release(self.player, seek.age)
    end,
    ["mare-file"] = function(self, what)
        self.torrents:leave(self.player)
        self.player.torrent, self.player.file = self.torrent, file_of(self, what.url)
    end,
}

local function hear(self)
    while self.player do
        local name, value = self.player:hear()
        if name == false then
            self:close()
        elseif not name then
            return
        elseif said[name] then
            said[name](self, value)
        end
    end
end

local function report(self)
    local status = self.torrents:status(self.player)
    if status and core.now() >= self.next_report then
        self.next_report = core.now() + EVERY
        self.player:tell("mare-status", status)
    end
end

-- Now and then: what has been said, and what is to say.
function link:turn()
    if not self.player and not self.closed then
        self.player = mpv_player.connect(self.path)
    end
    hear(self)
    if self.player then
        report(self)
    end
end

function link:close()
    self.closed = true
    if self.player then
        self.torrents:leave(self.player)
        self.player:close()
        self.player = nil
    end
    os.remove(self.path)
end

link.__close = link.close

return link
