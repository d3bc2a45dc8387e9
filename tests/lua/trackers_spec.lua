-- torrent.trackers in Lua: looked at, changed, asked; and what a session with a proxy does not do.

local loopback = require "support.loopback"
local mare = require "mare"
local uv = require "luv"

local DEAD = "http://127.0.0.1:1/announce"

local function urls(torrent)
    local list = {}
    for i, tracker in ipairs(torrent.trackers) do
        list[i] = tracker.tier .. " " .. tracker.url
    end
    return list
end

describe("torrent.trackers", function()
    local swarm, torrent
    before_each(function()
        swarm = loopback.new { trackers = { DEAD } }
        torrent = assert(swarm:session():add(swarm.bytes, { paused = true }))
    end)
    after_each(function() swarm:close() end)

    it("tells of each one", function()
        local row = torrent.trackers[1]
        assert.equal(DEAD, row.url)
        assert.equal(1, row.tier)
        assert.equal("idle", row.state)
        assert.equal(0, row.peers)
        assert.equal(0, row.failures)
        assert.is_nil(row.seeds)
        assert.is_nil(row.next)
        assert.is_nil(torrent.swarm_seeds)
    end)

    it("takes a list of tiers", function()
        torrent.trackers = { "udp://a:1", { "http://b/", "http://c/" }, DEAD }
        assert.same({ "1 udp://a:1", "2 http://b/", "2 http://c/", "3 " .. DEAD }, urls(torrent))
    end)

    it("takes what it gave", function()
        torrent.trackers = { { "http://b/", DEAD }, { "http://c/" } }
        local before = urls(torrent)
        torrent.trackers = torrent.trackers
        assert.same(before, urls(torrent))
        torrent.trackers = {}
        assert.same({}, torrent.trackers)
    end)

    for what, value in pairs {
        ["a string"] = DEAD,
        ["what is no address"] = { DEAD, "gopher://x" },
        ["a number"] = { 1 },
        ["a list in a list in a list"] = { { { DEAD } } },
        ["tier 0"] = { { url = DEAD, tier = 0 } },
    } do
        it("refuses " .. what .. ", and stays as it was", function()
            assert.has_error(function() torrent.trackers = value end)
            assert.same({ "1 " .. DEAD }, urls(torrent))
        end)
    end

    it("refuses more than a thousand", function()
        local many = {}
        for i = 1, 1001 do
            many[i] = "http://host/" .. i
        end
        assert.has_error(function() torrent.trackers = many end)
        many[1001] = nil
        torrent.trackers = many
        assert.equal(1000, #torrent.trackers)
    end)

    it("says why one failed, and when it is asked again", function()
        local told
        torrent:on("tracker", function(_, announced) told = announced end)
        torrent:resume()
        swarm:until_true(function() return told end)
        assert.equal(DEAD, told.url)
        assert.equal("refused", told.code)
        local row = torrent.trackers[1]
        assert.equal("failed", row.state)
        assert.equal(told.message, row.message)
        assert.equal(1, row.failures)
        assert.truthy(row.next > 10)
        assert.is_true(torrent:announce())
    end)

    it("are not announced to while the torrent is paused", function()
        local ok, _, code = torrent:announce()
        assert.is_nil(ok)
        assert.equal("again", code)
    end)

    it("are scraped also while it is paused, at most once a minute", function()
        local told
        torrent:on("scrape", function(_, scraped) told = scraped end)
        assert.equal(1, torrent:scrape())
        local again, _, code = torrent:scrape()
        assert.is_nil(again)
        assert.equal("again", code)
        swarm:until_true(function() return told end)
        assert.equal(DEAD, told.url)
        assert.equal("refused", told.code)
        assert.is_nil(told.seeds)
    end)

    it("without a form for scraping are not scraped", function()
        torrent.trackers = { "http://127.0.0.1:1/x" }
        local none, _, code = torrent:scrape()
        assert.is_nil(none)
        assert.equal("unsupported", code)
    end)
end)

describe("torrent.trackers after a restart", function()
    local swarm, settings
    before_each(function()
        swarm = loopback.new { trackers = { DEAD } }
        settings = { state = swarm.root .. "/state" }
    end)
    after_each(function() swarm:close() end)

    -- A session that has the torrent and has checked its data.
    local function open()
        local session = swarm:session(settings)
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        swarm:until_true(function() return torrent.state == "downloading" end)
        return torrent, session
    end

    for what, change in pairs {
        ["set"] = function(t) t.trackers = { { url = "http://a/", tier = 3 }, "udp://b:1" } end,
        ["added"] = function(t) assert(t:add_tracker("http://a/announce", 2)) end,
        ["removed"] = function(t) assert(t:remove_tracker(DEAD)) end,
        ["not changed"] = function() end,
    } do
        it("are what they were, when they were " .. what, function()
            local torrent, session = open()
            change(torrent)
            local before = urls(torrent)
            session:close(0)
            assert.same(before, urls((open())))
        end)
    end

    it("are those of the torrent, if nobody changed them", function()
        local _, session = open()
        session:close(0)
        local other = "http://127.0.0.1:2/announce"
        assert.equal(#other, #DEAD)
        swarm.bytes = swarm.bytes:gsub(DEAD, other)
        assert.same({ "1 " .. other }, urls((open())))
    end)
end)

describe("a session with a proxy", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    local function open(options)
        options.proxy = options.proxy or "socks5://me:secret@127.0.0.1:1"
        return swarm:session(options)
    end

    for _, url in ipairs { "127.0.0.1:1080", "socks5://x", "ftp://me:secret@127.0.0.1:1" } do
        it("refuses " .. url .. " without repeating it", function()
            local session, message, code = mare.session { port = false, proxy = url }
            assert.is_nil(session)
            assert.equal("invalid", code)
            assert.is_nil(message:find("secret", 1, true))
        end)
    end

    it("shows where it is, but no password", function()
        assert.equal("socks5://127.0.0.1:1", open({}).proxy)
        assert.is_nil(swarm:session().proxy)
    end)

    it("does not listen, unless it may go round the proxy", function()
        assert.is_nil(open({ port = 0 }).port)
        assert.truthy(open({ port = 0, proxy_bypass = true }).port)
    end)

    it("resolves no name of a peer", function()
        local torrent = assert(open({}):add(swarm.bytes))
        local ok, message, code = torrent:connect "localhost:6881"
        assert.is_nil(ok)
        assert.equal("unsupported", code)
        assert.truthy(message:find("proxy", 1, true))
    end)

    it("sends nothing to UDP trackers, and says so", function()
        local socket, heard = uv.new_udp(), 0
        socket:bind("127.0.0.1", 0)
        socket:recv_start(function(_, data) heard = heard + (data and 1 or 0) end)
        local url = "udp://127.0.0.1:" .. socket:getsockname().port
        for _, bypass in ipairs { false, true } do
            local torrent = assert(open({ proxy_bypass = bypass }):add(swarm.bytes))
            torrent.trackers = { url }
            local told
            torrent:on("tracker", function(_, announced) told = announced end)
            swarm:until_true(function()
                uv.run "nowait"
                return told or heard > 0
            end)
            assert.equal(bypass and 1 or 0, heard)
            assert.equal(bypass and "announcing" or "unsupported", torrent.trackers[1].state)
            assert.equal(not bypass and "unsupported" or nil, told and told.code)
        end
        socket:close()
        uv.run "nowait"
    end)

    it("that is not there says so once, and dials nobody directly", function()
        local session = open {}
        local messages = {}
        session:on("error", function(_, message) messages[#messages + 1] = message end)
        local torrent = swarm:add(session)
        swarm:until_true(function() return #messages > 0 and torrent.connecting == 0 end)
        swarm:steps(20)
        assert.truthy(messages[1]:find("the proxy socks5://127.0.0.1:1 cannot be reached", 1, true))
        for _, message in ipairs(messages) do
            assert.is_nil(message:find("secret", 1, true))
        end
        assert.equal(0, torrent.peer_count)
        assert.equal(0, #swarm.seed.peers)
    end)
end)

-- BEP 7: an HTTP tracker knows of an address what a request came from.
describe("an HTTP tracker with addresses of both families", function()
    local swarm, heard, servers
    local function serve(ip, port)
        local server = uv.new_tcp()
        servers[#servers + 1] = server
        assert(server:bind(ip, port))
        assert(server:listen(8, function()
            local client = uv.new_tcp()
            server:accept(client)
            heard[ip] = true
            client:write("HTTP/1.0 200 fine\r\n\r\nd8:intervali1800e5:peers0:e")
            client:shutdown(function() client:close() end)
        end))
        return server:getsockname().port
    end

    before_each(function()
        swarm, heard, servers = loopback.new(), {}, {}
    end)
    after_each(function()
        swarm:close()
        for _, server in ipairs(servers) do
            server:close()
        end
        uv.run "nowait"
    end)

    for bind, families in pairs { [false] = 2, ["127.0.0.1"] = 1 } do
        it("hears of a session on " .. (bind or "all addresses") .. " by " .. families, function()
            local port = serve("127.0.0.1", 0)
            serve("::1", port)
            local session <close> = assert(mare.session {
                port = 0, bind = bind or nil, dht = false, lsd = false, portmap = false,
                directory = swarm.root .. "/here",
            })
            local told = 0
            local torrent = assert(session:add(swarm.bytes))
            torrent:on("tracker", function() told = told + 1 end)
            torrent.trackers = { ("http://localhost:%d/announce"):format(port) }
            swarm:until_true(function()
                assert(session:step(0.001))
                uv.run "nowait"
                return told == families
            end)
            assert.same({ ["127.0.0.1"] = true, ["::1"] = families == 2 or nil }, heard)
            session:close(0)
        end)
    end
end)
