-- Real proxies: a download goes through them, and nothing goes round them. They connect from
-- 127.0.0.9, mare itself is bound to 127.0.0.5: whoever is dialled directly sees that.

local engine = require "mare"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local netns = require "support.netns"
local opentracker = require "support.clients.opentracker"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local proxies = require "support.clients.proxies"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60
local OWN = "127.0.0.5"

-- The addresses that the tracker gives for the torrent, as text.
local function tracked_addresses(port, hash)
    local id = hash:gsub("%x%x", "%%%0")
    local answer = ports.get("127.0.0.1", port, "/announce?info_hash=" .. id ..
        "&peer_id=-XX0000-000000000000&port=1&left=1&compact=1&numwant=50") or ""
    local from, list = answer:find("5:peers%d+:", 1), {}
    local length, start = answer:match("5:peers(%d+):()", from)
    for at = start, start + tonumber(length) - 6, 6 do
        list[("%d.%d.%d.%d"):format(answer:byte(at, at + 3))] = true
    end
    return list
end

describe("a proxy that comes late", function()
    after_each(process.cleanup)

    it("is waited for, and no peer is given up meanwhile", function()
        local dir, port = tmpdir(), ports.free(proxies.host)
        local data = payload.create(dir)
        local seed = mare.seed { torrent = data.torrent, dir = data.dir }
        local get = mare.get {
            torrent = data.torrent, dir = dir .. "/downloads", host = OWN,
            peers = { seed.address }, proxy = ("socks5://%s:%d"):format(proxies.host, port),
        }
        local told = get:wait_event(DEADLINE, "error")
        assert.truthy(told.message:find "^the proxy .* cannot be reached")
        proxies.socks5_at(port)
        get:complete(DEADLINE)
        assert.equal(1, #get:events "error") -- nothing was said against the peer
        assert.is_nil(payload.difference(data, dir .. "/downloads"))
    end)
end)

-- Trackers back off for 15 s at least; a proxy in trouble is looked for every few seconds.
describe("a proxy that is mended", function()
    after_each(process.cleanup)

    it("has the trackers asked again at once", function()
        local dir, port = tmpdir(), ports.free(proxies.host)
        local data = payload.create(dir, { "http://127.0.0.1:1/announce" })
        local seed = mare.seed { torrent = data.torrent, dir = data.dir }
        local session <close> = assert(engine.session {
            port = false, directory = dir .. "/downloads", dht = false, lsd = false,
            proxy = ("socks5://%s:%d"):format(proxies.host, port),
        })
        local torrent = assert(session:add(data.torrent))
        local announced, met = 0, false
        torrent:on("tracker", function() announced = announced + 1 end)
        torrent:on("peer", function() met = true end)
        local function till(what, ask)
            process.eventually(DEADLINE, what, function()
                assert(session:step(0.01))
                return ask()
            end)
        end
        torrent:connect(seed.address)
        till("the tracker has failed", function() return announced == 1 end)
        assert.truthy(torrent.trackers[1].next > 10)
        proxies.socks5_at(port)
        till("a peer is met", function() return met end)
        till("the tracker is asked", function()
            local wait = torrent.trackers[1].next or 0
            return announced > 1 or wait < 1 or error("it would be asked in " .. wait .. " s", 0)
        end)
    end)
end)

for kind, start in pairs { SOCKS5 = proxies.socks5, HTTP = proxies.http } do
    describe("a proxy by " .. kind, function()
        local dir
        before_each(function() dir = tmpdir() end)
        after_each(process.cleanup)

        for _, login in ipairs { "without", "with" } do
            it("carries a download, " .. login .. " a password", function()
                local data = payload.create(dir)
                local seed = mare.seed { torrent = data.torrent, dir = data.dir }
                local user = login == "with" and "me" or nil
                local get = mare.get {
                    torrent = data.torrent, dir = dir .. "/downloads", host = OWN,
                    peers = { seed.address }, proxy = start(dir, user, user and "s3cret"),
                }
                get:complete(DEADLINE)
                assert.is_nil(payload.difference(data, dir .. "/downloads"))
                assert.truthy(#seed:events "peer" > 0)
                for _, peer in ipairs(seed:events "peer") do
                    assert.truthy(peer.address:find "^127%.0%.0%.9:", peer.address)
                end
                assert.is_nil(get:log():find("s3cret", 1, true))
            end)
        end

        it("carries announces, and libtorrent's payload", function()
            local port = ports.free()
            local data = payload.create(dir, { opentracker.announce(port) })
            local tracker = opentracker.start(dir, port, { data.hash })
            libtorrent.seed { torrent = data.torrent, dir = data.dir }
            tracker.wait_peers(data.hash, 1)
            local get = mare.get {
                torrent = data.torrent, dir = dir .. "/downloads", host = OWN,
                proxy = start(dir), seed = true,
            }
            get:wait_event(DEADLINE, "complete")
            assert.is_nil(payload.difference(data, dir .. "/downloads"))
            tracker.wait_peers(data.hash, 2)
            local seen = tracked_addresses(port, data.hash)
            assert.is_true(seen["127.0.0.9"])
            assert.is_nil(seen[OWN])
        end)

        it("that refuses the password lets nothing through", function()
            local data = payload.create(dir)
            local seed = mare.seed { torrent = data.torrent, dir = data.dir }
            local url = start(dir, "me", "s3cret"):gsub("s3cret", "wr0ng")
            local get = mare.get {
                torrent = data.torrent, dir = dir .. "/downloads", host = OWN,
                peers = { seed.address }, proxy = url,
            }
            local told = get:wait_event(DEADLINE, "error", function(event)
                return event.message:find "the proxy "
            end)
            assert.equal("access", told.code)
            assert.equal(0, #seed:events "peer")
            assert.is_nil(get:log():find("wr0ng", 1, true))
        end)
    end)
end

-- Two machines and a cable: the seeder has an address that only the machine with the proxy knows,
-- and the kernel of the other counts each datagram that leaves it.
describe("a machine that reaches nothing but its proxy", function()
    after_each(process.cleanup)

    local function udp_sent(net)
        local path = ("/proc/%d/net/snmp"):format(net.holder.pid)
        local file <close> = assert(io.open(path))
        local names, numbers = file:read "a":match "\nUdp: (.-)\nUdp: (.-)\n"
        local number = numbers:gmatch "%d+"
        for name in names:gmatch "%S+" do
            local value = number()
            if name == "OutDatagrams" then
                return tonumber(value)
            end
        end
    end

    local function start_proxy(left, right)
        process.start(right:command { "microsocks", "-i", right.ip4, "-p", "1080" })
        process.eventually(10, "the proxy listens", function()
            local probe = ("exec 3<>/dev/tcp/%s/1080"):format(right.ip4)
            return process.try(left:command { "bash", "-c", probe }) == 0
        end)
        return ("socks5://%s:1080"):format(right.ip4)
    end

    for _, bypass in ipairs { false, true } do
        local what = bypass and "sends datagrams when it may" or "sends not one datagram"
        it("downloads all the same, and " .. what, function()
            if not netns.possible() then
                pending "network namespaces cannot be made here: run it as root"
                return
            end
            local dir = tmpdir()
            local data = payload.create(dir, {
                "udp://10.78.0.2:6969/announce", "http://tracker.invalid/announce",
            })
            local left, right = netns.pair()
            right:run("ip", "addr", "add", "10.79.0.1/32", "dev", "lo")
            local seed = mare.seed {
                torrent = data.torrent, dir = data.dir, host = "10.79.0.1", within = right,
            }
            local get = mare.get {
                torrent = data.torrent, dir = dir .. "/downloads", host = left.ip4,
                peers = { seed.address }, proxy = start_proxy(left, right), within = left,
                bypass = bypass,
            }
            get:complete(DEADLINE)
            assert.is_nil(payload.difference(data, dir .. "/downloads"))
            assert.equal(bypass, udp_sent(left) > 0)
        end)
    end
end)
