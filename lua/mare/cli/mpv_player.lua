-- mpv_player: one mpv as the engine sees it: its IPC socket, over which mpv's script and we send
-- each other messages, and whose end is the player's end, however that comes about.

local core = require "mare.core"
local json = require "mare.json"
local line = require "mare.cli.json"

local player = {}
player.__index = player

-- `address` is mpv's input-ipc-server; `script` the name that the script has there (nil: any).
function player.connect(address, script)
    local channel, message = core.channel_connect(address)
    if not channel then
        return nil, message
    end
    local self = setmetatable({
        address = address, script = script, channel = channel, torrents = {},
    }, player)
    self:command("disable_event", "all")
    self:command("enable_event", "client-message")
    self:command "client_name"
    return self
end

function player:command(...)
    self.channel:write(line.encode { command = { ... } } .. "\n")
end

-- A message for the script.
function player:tell(what, value)
    local text = type(value) == "string" and value or line.encode(value)
    if self.script then
        self:command("script-message-to", self.script, what, text)
    else
        self:command("script-message", what, text)
    end
end

-- The script answers to the name that mpv has given us.
local function take(self, object)
    if object.event == "client-message" and type(object.args) == "table" then
        local name, text = object.args[1], object.args[2]
        local value = text and json.decode(text)
        return name, type(value) == "table" and value or nil
    elseif type(object.data) == "string" then
        self:tell("mare-engine", object.data)
    end
end

-- What the script has said, one by one: name, table; nil: no more for now; false: it has ended.
function player:hear()
    while true do
        local text = self.channel:read()
        if not text then
            return text
        end
        local object = json.decode(text)
        if type(object) == "table" then
            local name, value = take(self, object)
            if value then
                return name, value
            end
        end
    end
end

-- A killed mpv leaves the file of its socket behind, if the script had made one.
function player:close()
    self.channel:close()
    if self.address:match "[^/]*$":find "^mare%-mpv%-" then
        os.remove(self.address)
    end
end

return player
