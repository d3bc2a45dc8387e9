-- create: makes a .torrent of a file or folder.

local core = require "mare.core"
local json = require "mare.cli.json"
local mare = require "mare"
local options = require "mare.cli.options"
local report = require "mare.cli.report"
local transfer = require "mare.cli.transfer"
local units = require "mare.cli.units"

local parse = options.parse

local create = {
    usage = "mare create PATH [-t URL]... [-o FILE] [--piece-length SIZE] [--private]",
    summary = "make a torrent of a file or folder",
    words = { "PATH" },
    options = {
        { "-t", "--tracker", value = "URL", name = "trackers", many = true, parse = parse.url,
            help = "announce here; may be repeated, each is tried when those before it fail" },
        { "-o", "--output", value = "FILE", name = "output",
            help = "write here (default: the name and .torrent); must not exist" },
        { "-w", "--webseed", value = "URL", name = "webseeds", many = true, parse = parse.web,
            help = "the data is on this web server, too; may be repeated" },
        { "-l", "--piece-length", value = "SIZE", name = "piece_length", parse = parse.size,
            help = "a power of two from 16K to 16M (default: by the size)" },
        { "--name", value = "NAME", name = "name", help = "call it this" },
        { "--comment", value = "TEXT", name = "comment", help = "a comment for people" },
        { "--source", value = "TEXT", name = "source", help = "a word that changes the info-hash" },
        { "--private", name = "private", help = "peers are found by the trackers alone (BEP 27)" },
        { "--align", name = "align", help = "begin every file with a piece (BEP 47 padding)" },
        { "--no-date", name = "no_date", help = "leave the date out: same input, same bytes" },
        options.json, options.quiet, options.help,
    },
}

local function output_of(path, opts)
    if opts.output then
        return opts.output
    end
    local name = opts.name or path:gsub("/+$", ""):match "([^/]+)$"
    if not name or name == "." or name == ".." then
        transfer.fail("%s gives no name to the torrent: use -o FILE", path)
    end
    return name .. ".torrent"
end

local function check_absent(path)
    local f = io.open(path, "rb")
    if f then
        f:close()
        transfer.fail("%s exists already: remove it, or choose another name with -o", path)
    end
end

-- Whole or not at all.
local function write_file(path, bytes)
    local temporary = path .. ".part"
    local f, message = io.open(temporary, "wb")
    transfer.check(f, f or "cannot write " .. message)
    local ok, why = f:write(bytes)
    ok, why = f:close() and ok, why
    if not ok then
        os.remove(temporary)
        transfer.fail("cannot write %s: %s", path, why or "the disk refused it")
    end
    check_absent(path)
    transfer.check(os.rename(temporary, path))
end

-- Redraws one line while hashing; true goes on.
local function follow(out, path)
    return function(done, total)
        local now = core.now()
        if out.width and now - out.last >= 0.2 then
            out.last, out.drawn = now, true
            io.stderr:write("\r\27[K", report.printable(path), "  ",
                units.percent(total > 0 and done / total or 1), " of ", units.size(total))
        end
        return not core.interrupted()
    end
end

local function settings_of(path, opts, out)
    return {
        trackers = opts.trackers, webseeds = opts.webseeds, piece_length = opts.piece_length,
        name = opts.name, comment = opts.comment, source = opts.source, private = opts.private,
        align = opts.align, created_at = not opts.no_date and os.time() or nil,
        progress = follow(out, path),
        note = function(sentence) out:warn("%s", sentence) end,
    }
end

local function say_result(output, bytes, opts, out)
    local info = transfer.check(mare.info(bytes))
    if opts.json then
        print(json.encode { path = output, name = info.name, info_hash = info.info_hash,
            size = info.size, pieces = info.pieces, piece_length = info.piece_length })
    else
        out:say("%s: %s in %d files, %d pieces of %s, info-hash %s", output, units.size(info.size),
            #info.files, info.pieces, units.size(info.piece_length), info.info_hash)
    end
end

function create.run(opts, words)
    local path, out = words[1], report.new(opts)
    local output = output_of(path, opts)
    check_absent(output)
    core.catch_interrupts()
    local bytes, message, code = mare.create(path, settings_of(path, opts, out))
    out:clear()
    if code == "canceled" then
        return 130
    end
    transfer.check(bytes, message)
    write_file(output, bytes)
    say_result(output, bytes, opts, out)
    return 0
end

return create
