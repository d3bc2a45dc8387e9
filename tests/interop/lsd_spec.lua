-- Local discovery between two machines, made of network namespaces and a cable: nothing but the
-- multicast groups tells one of the other.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local netns = require "support.netns"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60

describe("local discovery", function()
    local data, target, left, right

    before_each(function()
        if not netns.possible() then
            pending "network namespaces cannot be made here: run it as root"
            return
        end
        data, target = payload.create(tmpdir()), tmpdir()
        left, right = netns.pair()
    end)
    after_each(process.cleanup)

    local function options(net, dir, host)
        return {
            torrent = data.torrent, dir = dir, within = net, host = host or net.ip4, lsd = true,
        }
    end

    -- Who is there first hears of who comes second.
    local function start_get(host)
        local get = mare.get(options(right, target, host))
        get:wait_event(DEADLINE, "start")
        return get
    end

    -- Either may have heard the other first.
    local function check(get, seed)
        get:complete(DEADLINE)
        assert.is_nil(payload.difference(data, target))
        local found = get:last "peers" or seed:last "peers"
        assert.equal("lsd", found.source)
    end

    it("joins two of us over IPv4", function()
        local get = start_get()
        check(get, mare.seed(options(left, data.dir)))
    end)

    it("joins two of us over IPv6", function()
        local get = start_get(right.ip6)
        check(get, mare.seed(options(left, data.dir, left.ip6)))
    end)

    -- The system would use the other one: for who does not say where, everywhere is meant.
    for _, family in ipairs { 4, 6 } do
        it("uses all interfaces, over IPv" .. family, function()
            left:run("ip", "link", "add", "other", "type", "veth", "peer", "name", "nowhere")
            left:run("ip", "addr", "add", "10.79.0.1/24", "dev", "other")
            left:run("ip", "addr", "add", "fd79::1/64", "dev", "other", "nodad")
            left:run("ip", "link", "set", "nowhere", "up")
            left:run("ip", "link", "set", "other", "up")
            left:run("ip", "route", "add", "224.0.0.0/4", "dev", "other")
            left:run("ip", "-6", "route", "add", "multicast", "ff00::/8", "dev", "other",
                "table", "local", "metric", "1")
            local get = start_get(family == 6 and right.ip6 or right.ip4)
            local o = options(left, data.dir, family == 6 and left.ip6 or left.ip4)
            o.unbound, o.more = true, { "--no-portmap" }
            check(get, mare.seed(o))
        end)
    end

    it("lets us find libtorrent", function()
        local get = start_get()
        libtorrent.seed(options(left, data.dir))
        get:complete(DEADLINE)
        assert.is_nil(payload.difference(data, target))
        assert.equal("lsd", get:last "peers".source)
    end)

    it("lets libtorrent find us", function()
        local leech = libtorrent.leech(options(right, target))
        mare.seed(options(left, data.dir))
        leech:complete(DEADLINE)
        assert.is_nil(payload.difference(data, target))
    end)
end)
