-- mpv_folders: where the engine behind mpv keeps what it fetches. Its own state is apart from that
-- of other commands: what a crash has left of a film is deleted by the next engine.

local cache = require "mare.cli.cache"
local transfer = require "mare.cli.transfer"

local folders = {}

local function films()
    return cache.folder() .. "/mpv"
end

-- "~/Films" is the user's, and no shell stands between.
local function expand(path)
    local rest = path:match "^~(/.*)$" or path == "~" and ""
    return rest and (os.getenv "HOME" or "") .. rest or path
end

-- Fills what opts leave open; the folder for downloads.
function folders.prepare(opts)
    opts.on_exit, opts.ratio = opts.on_exit or "delete", opts.ratio or 1
    for _, name in ipairs { "policy", "blocklist", "record", "state" } do
        opts[name] = opts[name] and expand(opts[name])
    end
    local state = transfer.default_state()
    if opts.state == nil then
        opts.state = state and state .. "/mpv"
    end
    if opts.directory then
        return expand(opts.directory)
    end
    return opts.on_exit == "delete" and films() or expand "~/Downloads"
end

-- Folders of ours that are empty now.
function folders.clean(opts)
    if not opts.directory and opts.on_exit == "delete" then
        os.execute(("rmdir -- %s %s 2>/dev/null"):format(cache.quote(films()),
            cache.quote(cache.folder())))
    end
end

return folders
