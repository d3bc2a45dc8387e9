-- info: says what a .torrent contains, or a link.

local json = require "mare.cli.json"
local mare = require "mare"
local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"
local web = require "mare.web"

local info = {
    usage = "mare info SOURCE [--json]",
    summary = "show what a torrent contains",
    words = { "SOURCE" },
    options = { options.json, options.help },
}

local function list(t)
    return setmetatable(t, json.list)
end

local function flat(tiers)
    local urls = {}
    for _, tier in ipairs(tiers) do
        table.move(tier, 1, #tier, #urls + 1, urls)
    end
    return urls
end

local function as_object(meta)
    local files, tiers = {}, {}
    for i, file in ipairs(meta.files) do
        files[i] = { path = file.path, length = file.length }
    end
    for i, tier in ipairs(meta.trackers) do
        tiers[i] = list(tier)
    end
    return {
        name = meta.name, info_hash = meta.info_hash, piece_length = meta.piece_length,
        pieces = meta.pieces, size = meta.size, private = meta.private,
        trackers = list(flat(meta.trackers)), tiers = list(tiers), files = list(files),
        webseeds = list(meta.webseeds), comment = meta.comment, created_by = meta.created_by,
        created_at = meta.created_at, renamed = list(meta.renamed),
        peers = meta.peers and list(meta.peers),
    }
end

local function row(name, value)
    if value then
        print(("%-13s %s"):format(name, report.printable(tostring(value))))
    end
end

local function print_rows(meta)
    row("name", meta.name)
    row("info-hash", meta.info_hash)
    row("size", meta.size and ("%s (%d bytes)"):format(units.size(meta.size), meta.size))
    row("pieces", meta.pieces and ("%d of %s"):format(meta.pieces, units.size(meta.piece_length)))
    row("private", meta.private and "yes: peers are found by the trackers alone")
    row("comment", meta.comment)
    row("created by", meta.created_by)
    row("created", meta.created_at and os.date("!%Y-%m-%d %H:%M:%S UTC", meta.created_at))
    for tier, urls in ipairs(meta.trackers) do
        row(tier == 1 and "trackers" or "", table.concat(urls, ", "))
    end
    for i, url in ipairs(meta.webseeds) do
        row(i == 1 and "web seeds" or "", url)
    end
    for i, peer in ipairs(meta.peers or {}) do
        row(i == 1 and "peers" or "", peer)
    end
end

local function print_files(meta)
    if not meta.pieces then
        return
    end
    print "files"
    for i, file in ipairs(meta.files) do
        print(("%6d  %10s  %s"):format(i, units.size(file.length), report.printable(file.path)))
    end
    for _, sentence in ipairs(meta.renamed) do
        row("note", sentence)
    end
end

-- Over the network only from a web address.
local function read(source)
    if not source:find "^%a[%w+.-]*://" then
        return mare.info(source)
    end
    local session <close> = transfer.open({ port = false, state = false })
    local bytes, message, code = web.read(session, source)
    if not bytes then
        return nil, message, code
    end
    return mare.info(bytes)
end

function info.run(opts, words)
    local meta, message, code = read(words[1])
    if not meta and (code == "format" or code == "unsafe" or code == "limit") then
        message = ("%s: %s"):format(words[1], message)
    end
    transfer.check(meta, message)
    if opts.json then
        print(json.encode(as_object(meta)))
    else
        print_rows(meta)
        print_files(meta)
    end
    return 0
end

return info
