-- mpv: puts the script that lets mpv play torrents where mpv finds it, and takes it away. The
-- script starts the same command again, as `mare mpv engine` and `mare mpv open`, which are not
-- for people.

local mpv_engine = require "mare.cli.mpv_engine"
local mpv_install = require "mare.cli.mpv_install"
local options = require "mare.cli.options"
local args = require "mare.cli.args"

local parse = options.parse

local mpv = {
    usage = "mare mpv install|uninstall",
    summary = "let mpv play torrents: mpv 'magnet:?...'",
    words = { "ACTION (install or uninstall)" },
    many = true,
}

local function parse_fate(text)
    if text == "delete" or text == "keep" or text == "seed" then
        return text
    end
    return nil, "delete, keep or seed"
end

-- All but --help are what the script says: for people there is script-opts/mare.conf.
mpv.shown = { options.help }
mpv.options = options.join({
    { "-o", "--output", value = "DIR", name = "directory", help = "download here" },
    { "--on-exit", value = "WHAT", name = "on_exit", parse = parse_fate,
        help = "delete (default), keep or seed" },
    { "--ratio", value = "RATIO", name = "ratio", parse = parse.ratio,
        help = "seed so far after the last player has ended (default 1)" },
    { "--peer", value = "HOST:PORT", name = "peers", many = true, parse = parse.peer,
        help = "connect to this peer; may be repeated" },
    { "--player", value = "SOCKET", name = "player", help = "mpv's input-ipc-server" },
    { "--script", value = "NAME", name = "script", help = "the script's name in mpv" },
}, options.storage, options.http, options.session, { options.help })

local actions = {
    install = mpv_install.install,
    uninstall = mpv_install.uninstall,
    engine = mpv_engine.run,
    open = function(opts, words)
        if not words[2] or not opts.player or not opts.script then
            args.fail "mare mpv open takes a SOURCE, --player and --script"
        end
        return mpv_engine.ask(words[2], opts)
    end,
}

function mpv.run(opts, words)
    local action = actions[words[1]]
    if not action then
        args.fail("mare mpv can install or uninstall, not '%s'", words[1])
    end
    return action(opts, words)
end

return mpv
