-- mpv_engine: the process behind the mpv script: a session that serves, shared by all players of
-- a user. The first player starts it; with the last one it ends.
--
--     mare mpv open ---{"open": SOURCE, ..}---> engine ---status---> mpv's IPC socket ---> script
--                   <--{"files": ..}-----------        <--health, drop----------------------
--
-- Its name, a local socket's, is the lock as well: whoever listens there is the engine. It lets go
-- of it last, when everything is saved and cleaned up, and turns nobody away before that: who has
-- come too late is cut off then, and starts the next one.

local core = require "mare.core"
local json = require "mare.json"
local line = require "mare.cli.json"
local mpv_player = require "mare.cli.mpv_player"
local mpv_torrents = require "mare.cli.mpv_torrents"
local mpv_folders = require "mare.cli.mpv_folders"
local serve = require "mare.cli.serve"
local transfer = require "mare.cli.transfer"

local engine = {}
engine.__index = engine

local FIRST_PLAYER = 15 -- seconds that it waits for one
local TICK = 0.25 -- seconds between two reports
local PATIENCE = 20 -- seconds for an engine that is about to end

-- One for each user and runtime directory.
function engine.name(place)
    place = place or os.getenv "XDG_RUNTIME_DIR" or os.getenv "HOME" or ""
    return ("@mare-mpv" .. place:gsub("[^%w]+", "-")):sub(1, 90)
end

-- ---- who asks --------------------------------------------------------------------------------

local function answer(client, object)
    client.channel:write(line.encode(object) .. "\n")
    client.answered = true
end

local function find_player(self, request)
    local known = self.players[request.player]
    if known then
        return known
    end
    local player, message = mpv_player.connect(request.player, request.script)
    if player then
        self.players[request.player] = player
        self.had_player = true
    end
    return player, message
end

local function take_request(self, client, request)
    if request.ping then
        return answer(client, { ok = true })
    elseif type(request.open) ~= "string" or type(request.player) ~= "string"
        or type(request.script) ~= "string" then
        return answer(client, { error = "this engine does not understand its script" })
    end
    local player, message = find_player(self, request)
    if not player then
        return answer(client, { error = message })
    end
    client.player = player
    client.opening = self.torrents:open(player, request.open)
end

local function serve_client(self, client)
    local text = client.channel:read()
    if text == false then
        return false
    elseif text and not client.opening then
        local request = json.decode(text)
        take_request(self, client, type(request) == "table" and request or {})
    end
    local opening = client.opening
    if opening and not client.answered then
        local result = self.torrents:result(opening)
        if result then
            answer(client, result)
        end
    end
    return true
end

local function accept_all(self)
    local channel = self.listener:accept()
    while channel do
        self.clients[#self.clients + 1] = { channel = channel }
        channel = self.listener:accept()
    end
end

local function serve_clients(self)
    accept_all(self)
    for i = #self.clients, 1, -1 do
        if not serve_client(self, self.clients[i]) then
            self.clients[i].channel:close()
            table.remove(self.clients, i)
        end
    end
end

-- ---- players ---------------------------------------------------------------------------------

local said = {
    ["mare-health"] = function(self, player, health)
        self.torrents:take_health(player, health)
    end,
    ["mare-drop"] = function(self, player, seek)
        self.torrents:release(player, seek.age)
    end,
}

local function hear_player(self, player)
    while true do
        local name, value = player:hear()
        if not name then
            return name ~= false
        elseif said[name] then
            said[name](self, player, value)
        end
    end
end

local function hear_players(self)
    for address, player in pairs(self.players) do
        if not hear_player(self, player) then
            self.players[address] = nil
            player:close()
            self.torrents:leave(player)
        end
    end
end

local function report(self)
    if core.now() < self.next_report then
        return
    end
    self.next_report = core.now() + TICK
    for _, player in pairs(self.players) do
        local status = self.torrents:status(player)
        if status then
            player:tell("mare-status", status)
        end
    end
end

-- ---- its life --------------------------------------------------------------------------------

local function is_over(self)
    if core.interrupted() then
        return true
    elseif next(self.players) then
        return false
    elseif not self.had_player then
        return core.now() > self.began + FIRST_PLAYER
    end
    return not self.torrents:has_work()
end

local function wait(self)
    local list = { self.session:fd(), self.listener }
    local seconds = math.min(TICK, self.session:timeout() or TICK)
    for _, client in ipairs(self.clients) do
        list[#list + 1] = client.channel
    end
    for _, player in pairs(self.players) do
        list[#list + 1] = player.channel
    end
    core.channel_wait(list, seconds)
end

-- channel_wait does not see who knocks at a channel: the listener is one of them, and does.
local function run(self)
    self.next_report = 0
    while not is_over(self) do
        wait(self)
        transfer.check(self.session:step(0))
        serve_clients(self)
        hear_players(self)
        report(self)
    end
end

-- Whoever asks is told why there is no engine.
local function complain(self, message)
    local ends = core.now() + FIRST_PLAYER
    while core.now() < ends and not self.told do
        core.channel_wait({ self.listener }, TICK)
        accept_all(self)
        for _, client in ipairs(self.clients) do
            local text = client.channel:read()
            if text then
                answer(client, { error = message })
                self.told = self.told or text:find('"open"', 1, true) ~= nil
            end
        end
    end
end

local function open_session(self, opts)
    local folder = mpv_folders.prepare(opts)
    local ok, session, http = pcall(serve.open, opts, folder)
    if not ok then
        local problem = type(session) == "table" and (session.failed or session.usage) or session
        complain(self, tostring(problem))
        error(session, 0)
    end
    self.session, self.http = session, http
    session:on("error", function(torrent, message)
        self.torrents:note_error(torrent, message)
    end)
end

-- Whoever has started us may end before it has asked for anything.
local function greet(self, opts)
    if opts.player and opts.script then
        find_player(self, opts)
        self.had_player = true
    end
end

local function start(listener, opts)
    local self = setmetatable({
        listener = listener, clients = {}, players = {}, began = core.now(),
    }, engine)
    open_session(self, opts)
    self.torrents = mpv_torrents.new(self.session, self.http, opts)
    greet(self, opts)
    local ok, problem = xpcall(run, debug.traceback, self)
    self.session:close()
    for _, player in pairs(self.players) do
        player:close()
    end
    mpv_folders.clean(opts)
    listener:close()
    if not ok then
        error(problem, 0)
    end
end

-- Is there one that works? It answers; one that is about to end cuts us off.
local function is_running()
    local channel <close> = core.channel_connect(engine.name())
    if not channel then
        return false
    end
    channel:write '{"ping":true}\n'
    core.channel_wait({ channel }, PATIENCE)
    return channel:read() and true
end

-- Becomes the engine unless there is one. mpv leaves its sockets to those that it starts: with one
-- of them open, we would take ourselves for the player.
function engine.run(opts)
    core.close_inherited()
    local ends = core.now() + PATIENCE
    repeat
        local listener, message, code = core.channel_listen(engine.name())
        if listener then
            start(listener, opts)
            return 0
        elseif code ~= "exists" then
            transfer.fail("%s", message)
        end
    until is_running() or core.now() > ends
    return 0
end

-- Asks it for a source; prints the answer, a line of JSON. mpv ends us when it is not needed.
-- Ctrl-C in mpv's terminal reaches us as well.
function engine.ask(source, opts)
    core.catch_interrupts()
    local ends = core.now() + PATIENCE
    repeat
        local channel <close> = core.channel_connect(engine.name())
        if channel then
            channel:write(line.encode {
                open = source, player = opts.player, script = opts.script,
            } .. "\n")
            local text
            repeat
                core.channel_wait({ channel }, TICK)
                text = channel:read()
            until text ~= nil or core.interrupted()
            if core.interrupted() then
                return 130
            elseif text then
                print(text)
                return 0
            end
        end
        core.channel_wait({}, 0.01)
    until core.now() > ends
    transfer.fail "the engine behind mpv does not start"
end

return engine
