-- Torrents that are named by a link, a hash or a web address, and peers that tell of others.

local core = require "mare.core"
local loopback = require "support.loopback"
local mare = require "mare"
local ports = require "support.ports"
local process = require "support.process"

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

local function base32(hex)
    local out, bits, have = {}, 0, 0
    for byte in hex:gmatch "%x%x" do
        bits, have = bits << 8 | tonumber(byte, 16), have + 8
        while have >= 5 do
            have = have - 5
            local digit = bits >> have & 31
            out[#out + 1] = DIGITS:sub(digit + 1, digit + 1)
        end
    end
    return table.concat(out)
end

describe("a torrent of a magnet link", function()
    local swarm, session, hash, link
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
        hash = mare.info(swarm.path).info_hash
        link = ("magnet:?xt=urn:btih:%s&dn=so+called&x.pe=127.0.0.1:%d"):format(hash,
            swarm:seeder().port)
    end)
    after_each(function() swarm:close() end)

    local function until_done(torrent)
        swarm:until_true(function() return torrent.done end)
        assert.is_true(loopback.is_whole(torrent.directory))
    end

    it("begins with nothing but what the link says", function()
        local torrent = assert(session:add("magnet:?xt=urn:btih:" .. hash .. "&dn=so+called"))
        assert.equal("metadata", torrent.state)
        assert.equal("so called", torrent.name)
        assert.equal(hash, torrent.info_hash)
        assert.equal(0, torrent.progress)
        assert.equal(0, torrent.metadata_progress)
        assert.same({}, torrent.files)
        for _, name in ipairs { "size", "pieces", "piece_length", "private", "directory" } do
            assert.is_nil(torrent[name])
        end
        assert.equal("torrent (so called)", tostring(torrent))
    end)

    it("ends with all files", function()
        local story = {}
        session:on("state", function(_, state) story[#story + 1] = state end)
        session:on("metadata", function(t) story[#story + 1] = t.name end)
        local torrent = assert(session:add(link))
        until_done(torrent)
        assert.same({ "moon", "checking", "downloading", "seeding" }, story)
        assert.is_nil(torrent.metadata_progress)
    end)

    it("may be named by its hash alone", function()
        for _, name in ipairs { hash, hash:upper(), base32(hash) } do
            local torrent = assert(swarm:session():add(name))
            assert.equal(hash, torrent.name)
            assert(torrent:connect("127.0.0.1:" .. swarm:seeder().port))
            until_done(torrent)
        end
    end)

    it("lets tasks wait for the metadata", function()
        local name
        session:spawn(function()
            local torrent = session:add(link)
            name = torrent:wait("metadata", 20).name
        end)
        swarm:until_true(function() return name end)
        assert.equal("moon", name)
    end)

    it("is given back as a link", function()
        local torrent = assert(session:add(link .. "&tr=http%3A%2F%2F127.0.0.1:1%2Fa%3Fb%3Dc"))
        local copy = mare.info(torrent.magnet)
        assert.equal(hash, copy.info_hash)
        assert.same({ { "http://127.0.0.1:1/a?b=c" } }, copy.trackers)
        torrent = assert(swarm:session():add(swarm.path))
        assert.equal("moon", mare.info(torrent.magnet).name)
    end)

    it("is there already when it is added again, and by its .torrent", function()
        local torrent = assert(session:add(link))
        local again, _, code, existing = session:add(hash)
        assert.is_nil(again)
        assert.equal("exists", code)
        assert.equal(torrent, existing)
        assert.equal(torrent, session:add(swarm.path))
        assert.equal("moon", torrent.name)
    end)

    describe("whose files are chosen in advance", function()
        local function wanted(torrent)
            local list = {}
            for i, file in ipairs(torrent.files) do
                list[i] = file.wanted
            end
            return list
        end

        local function check(list, source, options)
            local torrent = assert(session:add(source, options))
            swarm:until_true(function() return torrent.done end)
            assert.same(list, wanted(torrent))
            local folder = torrent.directory .. "/moon/"
            for i, file in ipairs(loopback.files) do
                local bytes = loopback.read(folder .. file[1])
                assert.equal(list[i] and file[2] or nil, bytes)
            end
        end

        it("by the link", function()
            check({ true, false, false, true }, link .. "&so=0,3")
        end)

        it("by numbers and patterns", function()
            check({ false, true, false, true }, link, { files = { 4, "b%.bin$" } })
        end)

        it("by priorities", function()
            check({ true, true, false, true }, link, { priorities = { [3] = 0, [1] = 7 } })
        end)

        it("by a handler, before anything is fetched", function()
            session:on("metadata", function(torrent) torrent.files[1].wanted = false end)
            check({ false, true, true, true }, link)
        end)

        it("in vain: then it stops with a sentence", function()
            local told
            session:on("error", function(_, message, code) told = told or { message, code } end)
            local torrent = assert(session:add(link, { files = { "no such" } }))
            swarm:until_true(function() return told end)
            assert.truthy(told[1]:find "no such")
            assert.equal("notfound", told[2])
            assert.is_true(torrent.paused)
        end)

        it("and misuse raises where it is added", function()
            for _, options in ipairs { { files = { true } }, { priorities = { [1] = 9 } },
                { fils = {} } } do
                local ok, message = pcall(function() session:add(link, options) end)
                assert.is_false(ok)
                assert.truthy(message:find "magnet_spec", message)
            end
        end)
    end)

    it("needs no metadata after a restart", function()
        local settings = { state = swarm.root .. "/state", directory = swarm.root .. "/down" }
        local first = swarm:session(settings)
        local torrent = assert(first:add(link))
        until_done(torrent)
        first:close()
        torrent = assert(swarm:session(settings):add(hash))
        assert.equal("moon", torrent.name)
        swarm:until_true(function() return torrent.done end)
        assert.equal(0, torrent.downloaded - torrent.size)
    end)

    it("goes on with the files that were chosen last, not with those of the link", function()
        local settings = { state = swarm.root .. "/state", directory = swarm.root .. "/down" }
        local first = swarm:session(settings)
        local torrent = assert(first:add(link .. "&so=0"))
        swarm:until_true(function() return torrent.done end)
        torrent.files[3].wanted, torrent.files[1].wanted = true, false
        first:close()
        torrent = assert(swarm:session(settings):add(link .. "&so=0"))
        assert.is_true(torrent.files[3].wanted)
        assert.is_false(torrent.files[1].wanted)
    end)

    it("may name a peer by the name of its host", function()
        local port = swarm:seeder().port
        local named = ("magnet:?xt=urn:btih:%s&x.pe=localhost:%d"):format(hash, port)
        until_done(assert(session:add(named)))
    end)

    -- Whoever writes a new one has to think of it.
    it("answers every question, and takes every wish, while it waits", function()
        local members, waiting = core._members(), swarm:session()
        local torrent = assert(session:add(hash))
        local other = assert(waiting:add(hash))
        torrent:connect("127.0.0.1:" .. waiting.port)
        swarm:until_true(function() return #torrent.peers == 1 and #other.peers == 1 end)
        local ends = { remove = true, _remove = true, close = true, ban = true }
        for _, object in ipairs { torrent.peers[1], torrent } do
            local names = members[core.type(object)]
            for _, name in ipairs(names.properties) do
                local _ = object[name]
            end
            for _, name in ipairs(names.methods) do
                for _, words in ipairs { {}, { 0, 0, 0, 0 }, { "a", "b" } } do
                    local _ = ends[name] or pcall(object[name], object, table.unpack(words))
                end
            end
        end
        swarm:steps(20)
        assert.is_true(torrent.alive)
    end)

    it("may be paused, and removed, while it waits", function()
        local torrent = assert(session:add(hash))
        torrent:pause()
        torrent:resume()
        local removed
        torrent:on("removed", function(_, ok) removed = ok end)
        torrent:remove { data = true }
        swarm:until_true(function() return removed end)
    end)
end)

describe("mare.info of a link", function()
    it("tells what the link says", function()
        local hash = ("ab"):rep(20)
        local info = assert(mare.info("magnet:?xt=urn:btih:" .. hash .. "&dn=a&tr=udp://x:1"
            .. "&tr=http://y/&ws=http://z/&x.pe=1.2.3.4:5"))
        assert.same({
            name = "a", info_hash = hash, trackers = { { "udp://x:1" }, { "http://y/" } },
            webseeds = { "http://z/" }, peers = { "1.2.3.4:5" }, files = {}, renamed = {},
        }, info)
    end)
end)

describe("a torrent at a web address", function()
    local swarm, session, url
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
        local port = ports.free()
        process.start { "/usr/bin/python3", "-m", "http.server", tostring(port), "--bind",
            "127.0.0.1", "--directory", swarm.root }
        ports.wait("127.0.0.1", port)
        url = ("http://127.0.0.1:%d/"):format(port)
    end)
    after_each(function()
        process.cleanup()
        swarm:close()
    end)

    it("is there when session:add returns", function()
        assert.equal("moon", assert(session:add(url .. "moon.torrent")).name)
    end)

    it("is there when a task goes on", function()
        local name
        session:spawn(function() name = session:add(url .. "moon.torrent").name end)
        assert.is_nil(name)
        swarm:until_true(function() return name end)
        assert.equal("moon", name)
    end)

    it("is handed to a callback", function()
        local got
        assert.is_true(session:add(url .. "moon.torrent", { files = { 1 } }, function(...)
            got = table.pack(...)
        end))
        swarm:until_true(function() return got end)
        assert.equal("moon", got[1].name)
        assert.is_false(got[1].files[2].wanted)
    end)

    for what, path in pairs {
        ["the server does not know it"] = "no.torrent",
        ["it is something else"] = "data/moon/a.bin",
    } do
        it("fails with a sentence when " .. what, function()
            local torrent, message, code = session:add(url .. path)
            assert.is_nil(torrent)
            assert.equal("string", type(message))
            assert.equal("string", type(code))
        end)
    end

    it("says in a handler that it needs a callback or a task", function()
        local code
        session:on("metadata", function()
            code = select(3, session:add(url .. "moon.torrent"))
        end)
        session:add(swarm.path)
        swarm:until_true(function() return code end)
        assert.equal("busy", code)
    end)
end)

describe("peer exchange", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    -- One that knows nobody but the seeder, who is slow enough for others to come.
    local function leech(options)
        swarm:seeder().up_rate = 30000
        options.lsd, options.dht = false, false
        return swarm:add(swarm:session(options))
    end

    local function is_connected(a, b)
        local port = ":" .. b.session.port
        for _, peer in ipairs(a.peers) do
            if not peer.incoming and peer.address:sub(-#port) == port then
                return true
            end
        end
        return false
    end

    it("connects two that both know a third", function()
        local told = {}
        local a, b = leech {}, leech {}
        for _, torrent in ipairs { a, b } do
            torrent:on("peers", function(_, count, source) told[#told + 1] = { count, source } end)
        end
        swarm:until_true(function() return is_connected(a, b) or is_connected(b, a) end)
        assert.same({ 1, "pex" }, told[1])
    end)

    it("may be switched off", function()
        local a, b, deaf = leech {}, leech {}, leech { pex = false }
        deaf:on("peers", function() error "it heard" end)
        swarm:until_true(function() return is_connected(a, b) or is_connected(b, a) end)
        assert.is_false(is_connected(deaf, a) or is_connected(deaf, b))
    end)
end)
