-- verify: hashes what is on disk and says which files are whole. Nothing is created or changed: the
-- session keeps no state, and to the engine every file is one to skip.

local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"

local mare = require "mare"

local verify = {
    usage = "mare verify SOURCE [-o DIR] [--json]",
    summary = "check data on disk against a torrent",
    words = { "SOURCE" },
    options = {
        { "-o", "--output", value = "DIR", name = "directory",
            help = "where the torrent's file or folder lies (default .)" },
        options.json, options.quiet, options.help,
    },
}

local function say_file(file, out)
    local complete = file.complete
    out:event { event = "file", path = file.path, length = file.length, have = file.have,
        complete = complete }
    out:say("%7s  %s", complete and "ok" or units.percent(file.progress), file.path)
    return complete
end

local function skip_all(source)
    local info = mare.info(source)
    local priorities = {}
    if info and not info.pieces then
        transfer.fail("a link does not say what the data is to be: use mare get, or a .torrent")
    end
    for i = 1, info and #info.files or 0 do
        priorities[i] = 0
    end
    return priorities
end

local function say_result(torrent, out)
    local files, broken = torrent.files, 0
    for _, file in ipairs(files) do
        broken = broken + (say_file(file, out) and 0 or 1)
    end
    if broken > 0 then
        out:warn("%d of %d files of %s are incomplete (%d of %d pieces are good)", broken, #files,
            torrent.name, torrent.pieces_have, torrent.pieces)
    end
    return broken == 0
end

function verify.run(opts, words)
    local out = report.new(opts)
    local session <close> = transfer.open(
        { port = false, state = false, no_dht = true, no_lsd = true }, opts.directory)
    transfer.listen(session, out)
    local torrent = transfer.add(session, words[1],
        { seed = true, paused = true, priorities = skip_all(words[1]) })
    local checked = false
    torrent:on("checked", function() checked = true end)
    if transfer.follow(session, torrent, out, function() return checked end) == "interrupted" then
        out:finish("interrupted", session)
        return 130
    end
    local whole = say_result(torrent, out)
    out:finish("done", session, { complete = whole })
    return whole and 0 or 1
end

return verify
