-- play: shows a torrent's film or music in a player while it is being downloaded.

local mare = require "mare"
local options = require "mare.cli.options"
local play_mpv = require "mare.cli.play_mpv"
local player = require "mare.cli.player"
local report = require "mare.cli.report"
local scratch = require "mare.cli.scratch"
local serve = require "mare.cli.serve"
local transfer = require "mare.cli.transfer"

local parse = options.parse

local play = {
    usage = "mare play SOURCE [--player mpv] [--file N] [-o DIR]",
    summary = "play a torrent while it is downloaded",
    words = { "SOURCE" },
}

play.options = options.join({
    { "--player", value = "COMMAND", name = "player",
        help = "the player and its options (default mpv)" },
    { "--file", value = "N", name = "file", parse = parse.number(1, 1000000),
        help = "play this file, as mare info numbers them" },
    { "-o", "--output", value = "DIR", name = "directory",
        help = "download here and keep it (default: nothing is kept)" },
    { "--peer", value = "HOST:PORT", name = "peers", many = true, parse = parse.peer,
        help = "connect to this peer; may be repeated" },
}, options.storage, options.http, options.session, { options.json, options.quiet, options.help })

local PATIENCE = 3 -- seconds that a player has to end when it is asked to

-- What is not played is not fetched; subtitles are small and come along.
local function skip_others(torrent, files)
    local chosen = {}
    for _, file in ipairs(files) do
        chosen[file] = true
    end
    for _, file in ipairs(torrent.files) do
        if not chosen[file] and file.kind ~= "subtitle" then
            file.priority = 0
        end
    end
end

local function choose(torrent, opts)
    local files = player.choose(torrent, opts.file)
    if not files then
        transfer.fail(opts.file and "%s has no file %d" or "%s has no file at all", torrent.name,
            opts.file)
    end
    skip_others(torrent, files)
    return files
end

local function start(torrent, opts, out, link)
    local files = choose(torrent, opts)
    local program, message = player.start(opts.player or "mpv", torrent, files,
        link and link:words())
    transfer.check(program, message and message .. " (--player names another player)")
    out:say("playing %s", files[1].path)
    out:event { event = "playing", name = torrent.name, path = files[1].path, url = files[1].url,
        files = #files }
    return program
end

-- Ctrl-C reaches the player as well; one that stays is ended.
local function end_player(session, program)
    local ends = mare.now() + PATIENCE
    program:stop()
    session:run(function() return program:ended() or mare.now() > ends end)
end

local function watch(session, torrent, program, out, link)
    local how = transfer.follow(session, torrent, out, function()
        if link then
            link:turn()
        end
        return program:ended()
    end)
    if how == "interrupted" then
        end_player(session, program)
        return 130
    elseif program.status ~= 0 then
        transfer.fail("%s ended with status %d", program.name, program.status)
    end
    return 0
end

local function run(session, http, source, opts, out)
    local torrent = transfer.add(session, source, transfer.storage(opts))
    transfer.connect(torrent, opts.peers)
    local how = transfer.follow(session, torrent, out, function() return torrent.pieces end)
    if how == "interrupted" then
        return 130
    end
    local link <close> = play_mpv.new(opts.player or "mpv", torrent, http)
    local program <close> = start(torrent, opts, out, link)
    return watch(session, torrent, program, out, link)
end

-- What is thrown away needs no state either.
function play.run(opts, words)
    local out = report.new(opts)
    local folder <close> = not opts.directory and scratch.new() or nil
    if folder then
        opts.state = false
    end
    local session <close>, http = serve.open(opts, folder and folder.path or opts.directory)
    transfer.listen(session, out)
    local status = run(session, http, words[1], opts, out)
    out:finish(status == 0 and "done" or "interrupted", session)
    return status
end

return play
