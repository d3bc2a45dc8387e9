-- report: what a command says while it works, in one of three voices: a line that is redrawn on a
-- terminal, a plain line now and then where nobody watches, JSON lines for programs.

local core = require "mare.core"
local json = require "mare.cli.json"
local units = require "mare.cli.units"

local report = {}
report.__index = report

local REDRAW, PLAIN, JSON = 0.25, 10, 1 -- seconds between two lines
local NARROWEST_MAP, WIDEST_MAP = 16, 64 -- columns

function report.new(options)
    local now = core.now()
    local self = setmetatable({ json = options.json, began = now, last = now }, report)
    self.quiet = options.quiet
    self.width = not options.json and not options.quiet and core.terminal_width(2) or nil
    self.every = options.json and JSON or options.quiet and math.huge
        or self.width and REDRAW or PLAIN
    return self
end

-- What comes from a torrent must not steer a terminal.
function report.printable(text)
    return (text:gsub("[%c\127]", "?"))
end

function report:clear()
    if self.drawn then
        io.stderr:write("\r\27[K")
        self.drawn = false
    end
end

-- A line for the user; nothing in JSON, nothing when only errors count.
function report:say(format, ...)
    if not self.json and not self.quiet then
        self:clear()
        print(report.printable(format:format(...)))
    end
end

function report:warn(format, ...)
    self:clear()
    io.stderr:write("mare: ", report.printable(format:format(...)), "\n")
end

-- A line for programs: { event = "..", ... }. Nothing else is printed in JSON.
function report:event(object)
    if self.json then
        print(json.encode(object))
        io.stdout:flush()
    end
end

-- ---- progress --------------------------------------------------------------------------------

local function shade(piece_map, from, to)
    local part = piece_map:sub(from, to)
    if not part:find "[^#]" then
        return "#"
    elseif part:find "[-~]" then
        return "-"
    end
    return part:find "#" and "+" or "."
end

-- The map of all pieces in `columns` characters: # here, + in part, - on its way, . missing.
function report.draw_map(piece_map, columns)
    local cells, pieces = {}, #piece_map
    columns = math.min(columns, pieces)
    for i = 1, columns do
        cells[i] = shade(piece_map, (i - 1) * pieces // columns + 1, i * pieces // columns)
    end
    return table.concat(cells)
end

local function describe_check(torrent)
    return ("%s  checking %s"):format(torrent.name, units.percent(torrent.check_progress or 0))
end

local function describe_metadata(torrent)
    local share, peers = torrent.metadata_progress, units.count(torrent.peer_count, "peer")
    if share == 0 then
        return ("%s  asking for the metadata  %s"):format(torrent.name, peers)
    end
    return ("%s  metadata %s  %s"):format(torrent.name, units.percent(share), peers)
end

local function describe_wait(torrent)
    local eta = torrent.eta
    if torrent.error then
        return "waiting for the disk"
    end
    return eta and units.duration(eta) .. " left" or "waiting"
end

local function describe_download(torrent)
    return ("%s  %s of %s  %s down  %s up  %s  %s"):format(torrent.name,
        units.percent(torrent.progress), units.size(torrent.wanted),
        units.rate(torrent.download_rate), units.rate(torrent.upload_rate),
        units.count(torrent.peer_count, "peer"), describe_wait(torrent))
end

local function describe_seeding(torrent)
    return ("%s  seeding  %s up  %s sent  ratio %.2f  %s"):format(torrent.name,
        units.rate(torrent.upload_rate), units.size(torrent.uploaded), torrent.ratio,
        units.count(torrent.peer_count, "peer"))
end

local function describe(torrent)
    if not torrent.pieces then
        return describe_metadata(torrent)
    elseif torrent.state == "checking" then
        return describe_check(torrent)
    elseif torrent.done then
        return describe_seeding(torrent)
    end
    return describe_download(torrent)
end

local function columns_of(text)
    return utf8.len(text) or #text
end

local function fit(text, width)
    if columns_of(text) <= width then
        return text
    end
    local cut = utf8.len(text) and utf8.offset(text, width - 1) or width - 1
    return text:sub(1, cut - 1) .. ".."
end

function report:draw(torrent)
    local width = (core.terminal_width(2) or self.width) - 1
    local line = report.printable(describe(torrent))
    local room = math.min(width - columns_of(line) - 4, WIDEST_MAP)
    if torrent.pieces and not torrent.done and room >= NARROWEST_MAP then
        line = ("%s  [%s]"):format(line, report.draw_map(torrent.piece_map, room))
    end
    io.stderr:write("\r\27[K", fit(line, width))
    self.drawn = true
end

local function progress_event(torrent)
    return {
        event = "progress", state = torrent.state, progress = torrent.progress,
        metadata_progress = torrent.metadata_progress,
        check_progress = torrent.check_progress, have = torrent.have, left = torrent.left,
        download_rate = torrent.download_rate, upload_rate = torrent.upload_rate,
        uploaded = torrent.uploaded, peers = torrent.peer_count, seeds = torrent.seeds,
        eta = torrent.eta,
    }
end

-- Shows how far the torrent is, if it is time to.
function report:progress(torrent)
    local now = core.now()
    if now - self.last < self.every then
        return
    end
    self.last = now
    if self.json then
        self:event(progress_event(torrent))
    elseif self.width then
        self:draw(torrent)
    else
        io.stderr:write(report.printable(describe(torrent)), "\n")
    end
end

-- The last line: what all of it cost. `name` is "done" unless it went wrong.
function report:finish(name, session, more)
    if not self.json then
        return
    end
    local object = { event = name, seconds = core.now() - self.began, cpu_seconds = os.clock() }
    for counter, value in pairs(session.stats) do
        object[counter] = value
    end
    for key, value in pairs(more or {}) do
        object[key] = value
    end
    self:event(object)
end

return report
