-- mpv_torrents: what players have opened: torrents, who watches which file of them, and what
-- becomes of them when nobody does.

local player_files = require "mare.cli.player"
local json = require "mare.cli.json"
local report = require "mare.cli.report"
local core = require "mare.core"
local transfer = require "mare.cli.transfer"

local torrents = {}
torrents.__index = torrents

local COLUMNS = 120 -- of a file's piece map
local NEAR_END = 60 -- seconds before which the next file is begun
local FILES_MOST = 2000 -- told to the script
local NORMAL = 4 -- priority

-- options: on_exit "delete", "keep" or "seed"; ratio; max_disk; memory_only; peers.
function torrents.new(session, http, options)
    return setmetatable({
        session = session, http = http, options = options, notes = {}, held = {},
    }, torrents)
end

local function add_options(self)
    local options = transfer.storage(self.options)
    options.throwaway = not options.storage and self.options.on_exit == "delete" or nil
    return options
end

-- ---- opening ---------------------------------------------------------------------------------

-- What was asked for, in three forms: "torrent://HASH/INDEX/NAME", a link or path, an address.
local function parse(source)
    local hash, index = source:match "^torrent://(%w+)/?(%d*)"
    if hash and (#hash == 40 or #hash == 32) then
        return hash, tonumber(index)
    end
    return source
end

local function connect_peers(self, torrent)
    for _, peer in ipairs(self.options.peers or {}) do
        torrent:connect(peer)
    end
end

-- What the player will show first.
local function first_file(torrent, index)
    local chosen = not index and player_files.choose(torrent) or {}
    return index and torrent:file(index) or chosen[1]
end

-- Nothing is fetched but what is played; subtitles are small. The film comes before the player asks
-- for it: it still reads its playlist, and a torrent that lacks nothing parts from its seeds.
local function begin(opening, torrent)
    local player, first = opening.player, first_file(torrent, opening.index)
    for _, file in ipairs(torrent.files) do
        file.priority = (file == first or file.kind == "subtitle") and NORMAL or 0
    end
    if first and not player.first then
        player.first = first:reader { position = 0 }
    end
end

local function when_known(torrent, f)
    if torrent.pieces then
        f(torrent)
    else
        torrent:on("metadata", f)
    end
end

-- The engine pauses a torrent that has nowhere to write.
local function cannot_begin(torrent)
    return torrent and torrent.alive and torrent.paused and torrent.error ~= nil
end

-- Codes of failures whose sentence does not name what was asked for.
local nameless = { format = true, unsafe = true, limit = true }

-- What session:add returns.
local function take(self, opening, torrent, message, code, existing)
    torrent = torrent or existing
    if not torrent then
        opening.error = nameless[code] and opening.source .. ": " .. message or message
        return
    end
    local hash = torrent.info_hash
    if not self.held[hash] then
        self.held[hash] = { torrent = torrent, players = {} }
        connect_peers(self, torrent)
        when_known(torrent, function() begin(opening, torrent) end)
    end
    self.held[hash].players[opening.player] = true
    opening.player.torrents[hash] = true
    opening.player.torrent, opening.player.file = torrent, nil
    if not cannot_begin(torrent) then
        torrent:resume()
    end
    opening.torrent = torrent
end

-- Begins; torrents:result tells how it went. The player sees from now on how it goes.
function torrents:open(player, text)
    local source, index = parse(text)
    local opening = { player = player, index = index, source = source }
    local known = #source == 40 and self.session:find(source:lower())
    if known then
        take(self, opening, known)
    elseif source:find "^torrent://" then
        opening.error = source .. ": a torrent's hash has 40 digits (or 32 letters)"
    elseif source:find "^%a[%w+.-]*://" then
        local ok, message = self.session:add(source, add_options(self),
            function(...) take(self, opening, ...) end)
        opening.error = not ok and message or nil
    else
        take(self, opening, self.session:add(source, add_options(self)))
    end
    return opening
end

-- ---- answers ---------------------------------------------------------------------------------

local function stem(path)
    return (path:match "[^/]*$":gsub("%.[^.]*$", ""))
end

-- Films that the torrent has beside its samples and extras.
local function is_alone(torrent)
    local chosen = player_files.choose(torrent)
    return not chosen or #chosen == 1
end

-- Files of a kind that belong to this one: all, where it is alone; else those named like it.
local function companions(torrent, file, kind)
    local list, alone = {}, is_alone(torrent)
    for _, each in ipairs(torrent.files) do
        local same_name = each.path:match "[^/]*$":find(stem(file.path), 1, true) == 1
        if each ~= file and each.kind == kind and (alone or same_name) then
            list[#list + 1] = each
        end
    end
    return list
end

-- One that is a list in JSON, too, when it is empty.
local function new_list()
    return setmetatable({}, json.list)
end

local function urls(files)
    local list = new_list()
    for _, file in ipairs(files) do
        list[#list + 1] = file.url
    end
    return list
end

-- Skipped again is what nobody plays, unless it is to be kept.
local function skip_others(self, torrent, file)
    if self.options.on_exit ~= "delete" then
        return
    end
    local held = self.held[torrent.info_hash]
    for _, each in ipairs(torrent.files) do
        local played = each == file or each.kind == "subtitle"
        for player in pairs(held.players) do
            played = played or player.torrent == torrent and player.file == each
        end
        if not played and each.wanted then
            each.priority = 0
        end
    end
end

-- What the script lets its user choose from: all that may be played, samples included.
local function list_all(torrent)
    local all = new_list()
    for _, file in ipairs(torrent.files) do
        if #all < FILES_MOST and (file.kind == "video" or file.kind == "audio") then
            all[#all + 1] = { index = file.index, path = file.path, length = file.length }
        end
    end
    return all
end

local function play(self, opening, torrent)
    local file = torrent:file(opening.index)
    if not file then
        return { error = ("%s has no file %d"):format(torrent.name, opening.index) }
    end
    local player = opening.player
    player.file, player.next_file, player.ahead = file, nil, nil
    file.priority = NORMAL
    skip_others(self, torrent, file)
    local sounds = file.kind == "video" and companions(torrent, file, "audio") or {}
    for _, each in ipairs(sounds) do
        each.priority = NORMAL
    end
    return {
        url = file.url, title = file.path:match "[^/]*$", hash = torrent.info_hash,
        index = file.index, all = list_all(torrent),
        subtitles = urls(companions(torrent, file, "subtitle")),
        audio = urls(sounds),
    }
end

local function list(torrent)
    local files, main = new_list(), torrent.main_file
    if not main or main.kind ~= "video" and main.kind ~= "audio" then
        return { error = ("%s has no film and no music%s"):format(torrent.name,
            main and "; the largest of its files is " .. main.path or "") }
    end
    for i, file in ipairs(player_files.choose(torrent)) do
        files[i] = { index = file.index, title = file.path:match "[^/]*$" }
    end
    return { hash = torrent.info_hash, name = torrent.name, files = files,
        all = list_all(torrent) }
end

-- What `mare mpv open` prints: { files = .. } of a torrent, { url = .. } of a file, { error = .. };
-- nil: not yet.
function torrents:result(opening)
    local torrent = opening.torrent
    if opening.error then
        return { error = opening.error }
    elseif cannot_begin(torrent) then
        return { error = torrent.error }
    elseif not torrent or not torrent.alive or not torrent.pieces then
        return nil
    elseif opening.index then
        return play(self, opening, torrent)
    end
    return list(torrent)
end

-- ---- while it plays --------------------------------------------------------------------------

function torrents:note_error(torrent, message)
    if core.type(torrent) == "torrent" and torrent.alive then
        self.notes[torrent.info_hash] = message:match "^[^\n]*"
    end
end

local function is_served(player)
    local torrent, file = player.torrent, player.file
    return torrent and torrent.alive and file and file.alive
end

local function readers_of(player)
    local found = {}
    for _, reader in ipairs(is_served(player) and player.torrent.readers or {}) do
        if reader.file == player.file and reader ~= player.ahead and reader ~= player.first then
            found[#found + 1] = reader
        end
    end
    return found
end

-- Once the player reads, what was begun for it is its own affair.
local function end_first(player)
    if player.first then
        player.first:close()
        player.first = nil
    end
end

local function next_of(player)
    local chosen = player_files.choose(player.torrent) or {}
    for i, file in ipairs(chosen) do
        if file == player.file then
            return chosen[i + 1]
        end
    end
end

-- Its head and tail are fetched now, by a reader, and then the rest, when this file is complete.
local function begin_next(player)
    local file = next_of(player)
    if file and not player.ahead then
        player.ahead = file:reader { position = 0 }
        player.next_file = file
        file.priority = NORMAL
    end
end

local function number(x)
    return type(x) == "number" and x == x and x >= 0 and x < 1e12 and x or nil
end

-- What the player says of itself: policies see it, and so do the readers.
function torrents.take_health(_, player, said)
    for _, reader in ipairs(readers_of(player)) do
        reader.health = {
            cached_seconds = number(said.cached_seconds), playhead = number(said.playhead),
            paused_for_cache = said.paused_for_cache == true, bitrate = number(said.bitrate),
        }
    end
    if number(said.playhead) then -- it shows something: it may have read without a reader
        end_first(player)
    end
    local left = number(said.left)
    if left and left < NEAR_END and is_served(player) then
        begin_next(player)
    end
end

-- A seek is stuck in a read that waits for what is not here. What has waited for a shorter time
-- than that waits for the new place, and may.
function torrents:release(player, age)
    if is_served(player) then
        self.http:drop(player.file, number(age))
    end
end

local function cells_of(torrent, file)
    if not torrent.pieces then
        return nil
    end
    local map = torrent.piece_map
    if file then
        map = map:sub(file.first_piece + 1, file.first_piece + file.piece_count)
    end
    return report.draw_map(map, COLUMNS)
end

local function longest_wait(player)
    local longest = nil
    for _, reader in ipairs(readers_of(player)) do
        longest = math.max(longest or 0, reader.waiting or 0)
    end
    return longest
end

-- A player does not wait for what will not come.
local function give_up(self, torrent)
    if cannot_begin(torrent) then
        self.http:drop(torrent)
    end
end

-- What the script shows; nil: nothing is open.
function torrents:status(player)
    local torrent, file = player.torrent, is_served(player) and player.file or nil
    if #readers_of(player) > 0 then
        end_first(player)
    end
    if not torrent or not torrent.alive then
        return nil
    end
    give_up(self, torrent)
    return {
        hash = torrent.info_hash, name = torrent.name, state = torrent.state,
        metadata_progress = torrent.metadata_progress, check_progress = torrent.check_progress,
        peers = torrent.peer_count, connecting = torrent.connecting, seeds = torrent.seeds,
        known_peers = torrent.known_peers, down = torrent.download_rate, up = torrent.upload_rate,
        error = torrent.error, note = self.notes[torrent.info_hash], index = file and file.index,
        progress = file and file.progress or torrent.progress, cells = cells_of(torrent, file),
        waiting = longest_wait(player), next = player.next_file and player.next_file.index,
    }
end

-- ---- when nobody watches ---------------------------------------------------------------------

-- What is thrown away goes with the session (files that were there before stay); memory goes now.
local function let_go(self, hash)
    local torrent = self.held[hash].torrent
    self.held[hash] = nil
    if not torrent.alive then
        return
    elseif self.options.on_exit == "delete" and not self.options.memory_only then
        torrent:pause()
    else
        torrent:remove()
    end
end

local function is_wanted(self, held)
    if next(held.players) then
        return true
    end
    local torrent = held.torrent
    return self.options.on_exit == "seed" and torrent.alive and torrent.have > 0
        and torrent.ratio < self.options.ratio
end

local function sweep(self)
    for hash, held in pairs(self.held) do
        if not is_wanted(self, held) then
            let_go(self, hash)
        end
    end
end

function torrents:leave(player)
    if player.ahead then
        player.ahead:close()
    end
    for hash in pairs(player.torrents) do
        local held = self.held[hash]
        if held then
            held.players[player] = nil
        end
    end
    player.torrent, player.file, player.ahead = nil, nil, nil
    end_first(player)
    sweep(self)
end

-- Is something to be seeded still?
function torrents:has_work()
    sweep(self)
    return next(self.held) ~= nil
end

return torrents
