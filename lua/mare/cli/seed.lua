-- seed: uploads what is there already.

local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"

local parse = options.parse

local seed = {
    usage = "mare seed SOURCE --data DIR [--peer HOST:PORT]... [--ratio RATIO]",
    summary = "upload a torrent's data that is there already",
    words = { "SOURCE" },
}

seed.options = options.join({
    { "--data", "-o", value = "DIR", name = "data",
        help = "where the torrent's file or folder lies" },
    { "--peer", value = "HOST:PORT", name = "peers", many = true, parse = parse.peer,
        help = "connect to this peer; may be repeated" },
    { "--ratio", value = "RATIO", name = "ratio", parse = parse.ratio,
        help = "stop after uploading RATIO times the size" },
}, options.session, { options.json, options.quiet, options.help })

local function check_data(session, torrent, opts, out)
    local checked = false
    torrent:on("checked", function() checked = true end)
    local how = transfer.follow(session, torrent, out, function() return checked end)
    if checked and torrent.state ~= "seeding" then
        transfer.fail("%s of %s is in %s: to complete it, use mare get",
            torrent.have > 0 and "only " .. units.percent(torrent.progress) or "nothing",
            torrent.name, opts.data)
    end
    return how
end

local function upload(session, torrent, opts, out)
    out:say("%s: seeding on port %s", torrent.name, tostring(session.port))
    out:event { event = "seeding", name = torrent.name, info_hash = torrent.info_hash,
        port = session.port }
    local enough = (opts.ratio or math.huge) * torrent.size
    return transfer.follow(session, torrent, out, function()
        return torrent.uploaded >= enough
    end)
end

function seed.run(opts, words)
    if not opts.data then
        error({ usage = "--data DIR is missing: where does the data lie?" }, 0)
    end
    local out = report.new(opts)
    local session <close> = transfer.open(opts, opts.data)
    transfer.listen(session, out)
    local torrent = transfer.add(session, words[1], { seed = true })
    transfer.connect(torrent, opts.peers) -- of a link, they tell what the data is to be
    local how = check_data(session, torrent, opts, out)
    if how == "reached" then
        how = upload(session, torrent, opts, out)
    end
    out:finish(how == "reached" and "done" or how, session, { uploaded = torrent.uploaded })
    return how == "reached" and 0 or 130
end

return seed
