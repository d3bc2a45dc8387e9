-- get: downloads one torrent, and seeds it afterwards if asked to.

local mare = require "mare"
local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"

local parse = options.parse

local get = {
    usage = "mare get FILE|URL|MAGNET [-o DIR] [--peer HOST:PORT]... [--files 1,3-5]"
        .. " [--seed [RATIO]]",
    summary = "download a torrent",
    words = { "SOURCE" },
}

get.options = options.join({
    { "-o", "--output", value = "DIR", name = "directory", help = "download here (default .)" },
    { "--peer", value = "HOST:PORT", name = "peers", many = true, parse = parse.peer,
        help = "connect to this peer; may be repeated" },
    { "--files", value = "LIST", name = "files", parse = parse.files,
        help = "only these files, as mare info numbers them: 1,3-5" },
    { "--seed", value = "RATIO", name = "seed", optional = true, parse = parse.ratio,
        help = "go on uploading, until RATIO times the size or Ctrl-C" },
}, options.session, { options.json, options.quiet, options.help })

local function start_event(torrent)
    return {
        event = "start", name = torrent.name, info_hash = torrent.info_hash, size = torrent.size,
        pieces = torrent.pieces, wanted = torrent.wanted,
    }
end

local function metadata_event(torrent)
    return {
        event = "metadata", name = torrent.name, size = torrent.size, pieces = torrent.pieces,
        wanted = torrent.wanted,
    }
end

local function warn_if_alone(torrent, opts, out)
    local finders = not torrent.private and not (opts.no_dht and opts.no_lsd)
    if #torrent.trackers == 0 and torrent.known_peers == 0 and not opts.peers and not finders then
        out:warn("%s names no tracker and no --peer is given: waiting for somebody to connect",
            torrent.name)
    end
end

local function seed(session, torrent, opts, out)
    local ratio = type(opts.seed) == "number" and opts.seed or math.huge
    return transfer.follow(session, torrent, out, function()
        return torrent.uploaded >= ratio * torrent.size
    end)
end

local function say_done(torrent, seconds, out)
    local bytes = torrent.wanted
    out:say("%s: %s complete, %s in %s", torrent.name, units.size(bytes),
        units.rate(torrent.downloaded / math.max(seconds, 0.001)), units.duration(seconds))
end

-- Of a link nothing is known at first.
local function await_metadata(session, torrent, out)
    if torrent.pieces then
        return "reached"
    end
    local how = transfer.follow(session, torrent, out, function() return torrent.pieces end)
    if how == "reached" then
        out:event(metadata_event(torrent))
        out:say("%s: %s in %d files", torrent.name, units.size(torrent.size), #torrent.files)
    end
    return how
end

local function download(session, torrent, opts, out)
    local from = mare.now()
    if await_metadata(session, torrent, out) == "interrupted" then
        return "interrupted"
    end
    local how = transfer.follow(session, torrent, out, function() return torrent.done end)
    if how == "interrupted" then
        return how
    end
    say_done(torrent, mare.now() - from, out)
    if opts.seed then
        out:event { event = "complete", name = torrent.name }
        how = seed(session, torrent, opts, out)
    end
    return how
end

function get.run(opts, words)
    local source, out = words[1], report.new(opts)
    local session <close> = transfer.open(opts, opts.directory)
    transfer.listen(session, out)
    local torrent = transfer.add(session, source, { files = opts.files })
    out:event(start_event(torrent))
    transfer.connect(torrent, opts.peers)
    warn_if_alone(torrent, opts, out)
    if download(session, torrent, opts, out) == "interrupted" then
        out:warn "interrupted; the same command goes on from here"
        out:finish("interrupted", session)
        return 130
    end
    out:finish("done", session, { uploaded = torrent.uploaded, size = torrent.size })
    return 0
end

return get
