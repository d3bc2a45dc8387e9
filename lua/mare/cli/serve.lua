-- serve: gives torrents to players and browsers over HTTP, until Ctrl-C.

local core = require "mare.core"
local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"

local parse = options.parse

local serve = {
    usage = "mare serve SOURCE... [-o DIR] [--http-host ADDR] [--http-port N] [--token WORD]",
    summary = "give torrents to players and browsers while they are downloaded",
    words = { "SOURCE" },
    many = true,
}

serve.options = options.join({
    { "-o", "--output", value = "DIR", name = "directory", help = "download here (default .)" },
    { "--peer", value = "HOST:PORT", name = "peers", many = true, parse = parse.peer,
        help = "connect to this peer; may be repeated" },
}, options.storage, options.http, options.session, { options.json, options.quiet, options.help })

local TURN = 0.25 -- seconds: how soon an interrupt is noticed

-- A session that serves, as the options say.
function serve.open(opts, directory)
    local session = transfer.open(opts, directory)
    local http, message, code = session:serve {
        host = opts.http_host, port = opts.http_port, token = opts.token,
    }
    if not http and code == "invalid" then
        error({ usage = message }, 0)
    end
    return session, transfer.check(http, message)
end

local function say_files(torrent, out)
    out:say("%s (%s)", torrent.name, units.size(torrent.size))
    out:event { event = "torrent", name = torrent.name, info_hash = torrent.info_hash,
        playlist_url = torrent.playlist_url }
    local media = torrent.media
    if #media > 1 then
        out:say("    playlist  %s", torrent.playlist_url)
    end
    for _, file in ipairs(#media > 0 and media or torrent.files) do
        out:say("    %s", file.url)
        out:event { event = "file", index = file.index, path = file.path, url = file.url,
            kind = file.kind, length = file.length }
    end
end

-- Now, or when peers have told what it contains.
local function announce(torrent, out)
    if torrent.pieces then
        say_files(torrent, out)
    else
        torrent:on("metadata", function() say_files(torrent, out) end)
    end
end

-- The one that has most to tell: the last that is not complete.
local function to_show(session)
    local torrents = session:torrents()
    for i = #torrents, 1, -1 do
        if not torrents[i].done then
            return torrents[i]
        end
    end
    return torrents[#torrents]
end

function serve.run(opts, words)
    local out = report.new(opts)
    local session <close>, http = serve.open(opts, opts.directory)
    transfer.listen(session, out)
    out:say("page: %s", http.url)
    out:event { event = "serving", url = http.url, port = http.port, token = http.token }
    for _, source in ipairs(words) do
        local torrent = transfer.add(session, source, transfer.storage(opts))
        transfer.connect(torrent, opts.peers)
        announce(torrent, out)
    end
    while not core.interrupted() do
        transfer.check(session:step(TURN))
        out:progress(to_show(session))
    end
    out:clear()
    out:finish("interrupted", session)
    return 130
end

return serve
