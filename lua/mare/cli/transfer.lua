-- transfer: what get, seed and verify have in common: a session, one torrent in it, and a loop that
-- shows what happens until something is reached, fails, or the user interrupts.

local mare = require "mare"
local core = require "mare.core"

local transfer = {}

local USUAL_PORT = 6881
local TURN = 0.25 -- seconds: how soon an interrupt is noticed

-- Ends the command with status 1; main prints the sentence.
function transfer.fail(format, ...)
    error({ failed = format:format(...) }, 0)
end

function transfer.check(value, message)
    if not value then
        transfer.fail("%s", message)
    end
    return value
end

-- Where resume files are kept; nil where there is no home.
function transfer.default_state()
    local home, base = os.getenv "HOME", os.getenv "XDG_STATE_HOME"
    if base and base:sub(1, 1) == "/" then
        return base .. "/mare"
    elseif home and home ~= "" then
        return home .. "/.local/state/mare"
    end
end

-- `false` is a choice, too: no port, no state.
local function choose(value, default)
    if value == nil then
        return default
    end
    return value
end

-- nil: as the engine thinks fit.
local function lsd_of(options)
    if options.no_lsd then
        return false
    end
end

-- An empty one is none, whatever the environment says.
local function proxy_of(options)
    local url = choose(options.proxy, os.getenv "MARE_PROXY")
    return url ~= "" and url or nil
end

local function settings_of(options, directory)
    return {
        port = choose(options.port, USUAL_PORT),
        bind = options.bind,
        encryption = options.encryption,
        blocklist = options.blocklist,
        portmap = not options.no_portmap and nil, -- false, or as the session does
        proxy = proxy_of(options),
        proxy_bypass = options.proxy_bypass,
        memory = options.memory,
        connections = options.connections,
        up_rate = options.up_rate,
        down_rate = options.down_rate,
        receive = options.receive,
        dht = not options.no_dht and { routers = options.dht_routers },
        lsd = lsd_of(options),
        pex = not options.no_pex,
        state = choose(options.state, transfer.default_state()) or nil,
        directory = directory,
    }
end

-- A session as the options say. The usual port may be taken by another one of us: then any will do.
function transfer.open(options, directory)
    local settings = settings_of(options, directory)
    local session, message = mare.session(settings)
    if not session and options.port == nil then
        settings.port = 0
        session, message = mare.session(settings)
    end
    core.catch_interrupts()
    transfer.check(session, message)
    if options.policy then
        transfer.check(session:load_policy(options.policy))
    end
    if options.record then
        transfer.check(session:record(options.record))
    end
    return session
end

-- What session:add returns; from a web address it takes a while.
local function add(session, source, options)
    if not source:find "^%a[%w+.-]*://" then
        return session:add(source, options)
    end
    local result
    local function on_added(...)
        result = table.pack(...)
    end
    transfer.check(session:add(source, options, on_added))
    while not result do
        if core.interrupted() then
            error({ interrupted = true }, 0)
        end
        transfer.check(session:step(TURN))
    end
    return table.unpack(result, 1, result.n)
end

-- What --max-disk and --memory-only mean for session:add.
function transfer.storage(opts)
    if opts.memory_only then
        return { storage = "memory", max_memory = opts.memory_only }
    end
    return { max_disk = opts.max_disk }
end

-- "mare: FILE: what is wrong" for a torrent that is no good.
function transfer.add(session, source, options)
    local torrent, message, code = add(session, source, options)
    if not torrent and (code == "format" or code == "unsafe" or code == "limit") then
        message = ("%s: %s"):format(source, message)
    end
    return transfer.check(torrent, message)
end

function transfer.connect(torrent, peers)
    for _, peer in ipairs(peers or {}) do
        transfer.check(torrent:connect(peer))
    end
end

local function tracker_event(torrent, tracker)
    return {
        event = "tracker", url = tracker.url, peers = tracker.peers, code = tracker.code,
        message = tracker.message, name = torrent.name,
    }
end

-- The engine pauses a torrent that cannot even begin (nowhere to write, say).
local function is_fatal(torrent)
    return mare.type(torrent) == "torrent" and torrent.alive and torrent.paused
        and torrent.error ~= nil
end

-- What a person or a program wants to hear of on the way.
function transfer.listen(session, report)
    session:on("error", function(torrent, message, code)
        report:event { event = "error", message = message, code = code }
        if not is_fatal(torrent) then -- what ends the command is said at its end
            report:warn("%s", message:match "^[^\n]*") -- the traceback is for --json
        end
    end)
    session:on("state", function(_, state)
        report:event { event = "state", state = state }
    end)
    session:on("tracker", function(torrent, tracker)
        report:event(tracker_event(torrent, tracker))
        if tracker.code then
            report:warn("%s: %s", tracker.url, tracker.message or tracker.code)
        end
    end)
    session:on("peers", function(_, count, source)
        report:event { event = "peers", peers = count, source = source }
    end)
    session:on("peer", function(_, peer)
        report:event { event = "peer", address = peer.address, client = peer.client,
            encryption = peer.encryption }
    end)
    session:on("peer_closed", function(_, _, closed)
        report:event { event = "peer_closed", address = closed.address, message = closed.reason }
    end)
    session:on("hash_failed", function(_, piece)
        report:event { event = "hash_failed", piece = piece.index }
        report:warn("piece %d failed its hash and is fetched again", piece.index)
    end)
    session:on("portmap", function(_, port, message, code)
        report:event { event = "portmap", port = port, message = message, code = code }
        report:say("%s", message)
    end)
    session:on("banned", function(_, who)
        report:event { event = "banned", message = who }
        report:warn("banned %s", who)
    end)
end

-- Steps until `reached()`; "reached" or "interrupted".
function transfer.follow(session, torrent, report, reached)
    while not reached() do
        if core.interrupted() then
            report:clear()
            return "interrupted"
        end
        transfer.check(session:step(TURN))
        if is_fatal(torrent) then
            report:clear()
            transfer.fail("%s", torrent.error)
        end
        report:progress(torrent)
    end
    report:clear()
    return "reached"
end

return transfer
