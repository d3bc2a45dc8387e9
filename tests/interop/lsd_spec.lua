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
