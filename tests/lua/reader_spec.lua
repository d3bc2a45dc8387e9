-- Reading a file in order while it is being downloaded.

local loopback = require "support.loopback"

describe("a reader", function()
    local swarm, session, whole
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
        whole = loopback.files[1][2]
    end)
    after_each(function() swarm:close() end)

    -- Runs f as a task of the session, and the swarm until f returns.
    local function run(f)
        local done, result = false, nil
        session:spawn(function()
            result = f()
            done = true
        end)
        swarm:until_true(function() return done end)
        return result
    end

    -- The torrent without a single peer.
    local function alone(options)
        local torrent = assert(session:add(swarm.bytes, options))
        swarm:until_true(function() return torrent.state ~= "checking" end)
        return torrent
    end

    it("gives the whole file in order while it comes", function()
        local torrent = swarm:add(session)
        local reader = assert(torrent:file(1):reader())
        local got = run(function()
            local parts = {}
            for bytes in reader:chunks() do
                parts[#parts + 1] = bytes
            end
            return table.concat(parts)
        end)
        assert.equal(#whole, #got)
        assert.is_true(whole == got)
        assert.equal(#whole, reader.position)
        assert.equal(#whole, reader.bytes_read)
    end)

    it("gives no more than was asked for, and nil at the end", function()
        local torrent = swarm:add(session)
        local reader = assert(torrent:file(1):reader { position = #whole - 5 })
        run(function()
            assert.equal(whole:sub(-5, -4), reader:read(2))
            assert.equal(whole:sub(-3), reader:read(100))
            assert.is_nil(reader:read(100))
            assert.is_nil(reader:read(100))
        end)
    end)

    it("reads what is on disk already", function()
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.done end)
        local reader = assert(torrent:file(1):reader { position = 1000 })
        assert.equal(#whole - 1000, reader.ready)
        assert.is_true(whole:sub(1001, 101000) == run(function()
            local bytes = ""
            while #bytes < 100000 do
                bytes = bytes .. reader:read(100000 - #bytes)
            end
            return bytes
        end))
    end)

    it("calls back outside of tasks", function()
        local torrent, got = swarm:add(session), nil
        local reader = assert(torrent:file(3):reader())
        assert.is_true(reader:read(3, function(bytes) got = bytes end))
        local ok, message, code = reader:read(3, function() end)
        assert.is_nil(ok)
        assert.equal("busy", code)
        assert.truthy(message:find "under way")
        swarm:until_true(function() return got end)
        assert.equal("a l", got)
        assert.has_error(function() reader:read(3) end,
            "read needs a callback outside of mare.spawn")
    end)

    it("reads a file that nobody wants", function()
        local torrent = swarm:add(session, { files = { 2 } })
        swarm:until_true(function() return torrent.done end)
        local skipped = torrent:file(1)
        assert.is_false(skipped.wanted)
        local reader = assert(skipped:reader { position = 200000 })
        assert.equal(whole:sub(200001, 200100), run(function() return reader:read(100) end))
        reader:close()
        swarm:until_true(function() return torrent.done end)
        assert.is_false(skipped.complete)
    end)

    it("moves", function()
        local torrent = swarm:add(session)
        local reader = assert(torrent:file(1):reader())
        run(function()
            assert.equal(whole:sub(1, 10), reader:read(10))
            assert.is_true(reader:seek(250000))
            assert.equal(whole:sub(250001, 250010), reader:read(10))
            assert.is_true(reader:seek(5))
            assert.equal(whole:sub(6, 15), reader:read(10))
            local ok, _, code = reader:seek(#whole + 1)
            assert.is_nil(ok)
            assert.equal("invalid", code)
            assert.equal(15, reader.position)
        end)
    end)

    it("is one of several, each at its own place", function()
        local torrent = swarm:add(session)
        local a = assert(torrent:file(1):reader())
        local b = assert(torrent:file(2):reader { position = 1 })
        assert.same({ a, b }, torrent.readers)
        run(function()
            for i = 0, 9 do
                assert.equal(whole:sub(i * 7 + 1, i * 7 + 7), a:read(7))
                assert.equal(loopback.files[2][2]:sub(i * 5 + 2, i * 5 + 6), b:read(5))
            end
        end)
        a:close()
        assert.same({ b }, torrent.readers)
    end)

    -- What ends a read that waits, and how it ends.
    for _, case in ipairs {
        { "canceled", "canceled", function(reader) reader:cancel() end },
        { "moved", "canceled", function(reader) reader:seek(7) end },
        { "closed", "closed", function(reader) reader:close() end },
        { "orphaned", "closed", function(reader) reader.torrent:remove() end },
    } do
        it("that is " .. case[1] .. " wakes who waits for it", function()
            local torrent, got = alone(), nil
            local reader = assert(torrent:file(1):reader())
            session:spawn(function() got = table.pack(reader:read(10)) end)
            swarm:until_true(function() return reader.waiting end)
            case[3](reader)
            swarm:until_true(function() return got end)
            assert.is_nil(got[1])
            assert.equal(case[2], got[3])
            assert.equal(case[2] ~= "closed", reader.alive)
        end)
    end

    it("that is closed is of no more use", function()
        local reader = assert(alone():file(1):reader())
        assert.is_true(reader:close())
        assert.is_true(reader:close())
        assert.equal("reader (closed)", tostring(reader))
        assert.has_error(function() return reader.position end, "reader is closed")
        assert.has_error(function() reader:seek(0) end, "reader is closed")
    end)

    it("that is forgotten is closed", function()
        local torrent = alone()
        assert(torrent:file(1):reader())
        collectgarbage()
        collectgarbage()
        assert.same({}, torrent.readers)
    end)

    it("that waits is not forgotten", function()
        local torrent, got = alone(), nil
        assert(torrent:file(1):reader()):read(4, function(bytes) got = bytes end)
        collectgarbage()
        collectgarbage()
        swarm:seeder()
        torrent:connect("127.0.0.1:" .. swarm.seed.port)
        swarm:until_true(function() return got end)
        assert.equal(whole:sub(1, 4), got)
    end)

    it("does not keep a session that is closed", function()
        local torrent = alone()
        local reader = assert(torrent:file(1):reader())
        reader:read(10, function() end)
        session:close(0)
        assert.is_false(reader.alive)
        assert.is_true(reader:close())
    end)

    it("keeps what a player says of itself", function()
        local reader = assert(alone():file(1):reader())
        assert.same({ paused_for_cache = false }, reader.health)
        local said = { cached_seconds = 2.5, paused_for_cache = true, playhead = 60, bitrate = 8e6 }
        reader.health = said
        assert.same(said, reader.health)
        assert.has_error(function() reader.health = { cached_seconds = -1 } end)
        assert.has_error(function() reader.health = { cache_seconds = 1 } end)
    end)

    it("leaves priority to the newest of its group", function()
        local file = alone():file(1)
        local a, b = assert(file:reader { group = 7 }), assert(file:reader { group = 7 })
        local other = assert(file:reader { group = 8 })
        assert.same({ true, false, false }, { a.superseded, b.superseded, other.superseded })
        a:seek(100)
        assert.same({ false, true, false }, { a.superseded, b.superseded, other.superseded })
    end)

    it("makes what it needs urgent, and only while it needs it", function()
        local torrent = alone()
        local reader = assert(torrent:file(1):reader { position = 100000, prefetch = false })
        local needed = 100000 // 16384
        swarm:until_true(function() return torrent:piece(needed).deadline end)
        assert.truthy(torrent:piece(needed + 1).deadline > torrent:piece(needed).deadline)
        assert.is_nil(torrent:piece(needed - 1).deadline)
        reader:seek(0)
        swarm:until_true(function() return torrent:piece(0).deadline end)
        assert.is_nil(torrent:piece(needed).deadline)
        reader.health = { cached_seconds = 100 }
        swarm:until_true(function() return not torrent:piece(0).deadline end)
        reader.health = { cached_seconds = 100, paused_for_cache = true }
        swarm:until_true(function() return torrent:piece(0).deadline end)
        reader:close()
        swarm:until_true(function() return not torrent:piece(0).deadline end)
    end)

    it("goes on after a check and a pause", function()
        local torrent = swarm:add(session)
        local reader, got = assert(torrent:file(1):reader()), ""
        session:spawn(function()
            for bytes in reader:chunks() do
                got = got .. bytes
            end
        end)
        swarm:until_true(function() return #got > 100000 end)
        torrent:pause()
        swarm:steps(20)
        swarm:until_true(function() return (torrent:recheck()) end)
        torrent:resume()
        swarm:until_true(function() return torrent.state ~= "checking" end)
        torrent:connect("127.0.0.1:" .. swarm:another_port())
        swarm:until_true(function() return #got == #whole end)
        assert.is_true(got == whole)
    end)

    it("shows its health to policies", function()
        local torrent = swarm:add(session)
        local reader = assert(torrent:file(1):reader())
        reader.health = { cached_seconds = 3, paused_for_cache = true }
        local seen = {}
        session.down_rate = 200000 -- sources are asked about now and then
        torrent.policy.piece = function(piece)
            seen.piece = piece.torrent.readers[1].health
        end
        torrent.policy.source = function(peer)
            seen.source = peer.torrent.readers[1].health
        end
        swarm:until_true(function() return seen.piece and seen.source end)
        assert.same({ cached_seconds = 3, paused_for_cache = true }, seen.piece)
        assert.same({ cached_seconds = 3, paused_for_cache = true }, seen.source)
    end)

    it("fetches the file's head and tail, too", function()
        local torrent = alone()
        assert(torrent:file(1):reader { position = 150000 })
        swarm:until_true(function() return torrent:piece(0).deadline end)
        assert.truthy(torrent:piece((#whole - 1) // 16384).deadline)
    end)
end)

describe("a view", function()
    local swarm, session, torrent, reader
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
        torrent = swarm:add(session)
        reader = assert(torrent:file(1):reader())
    end)
    after_each(function() swarm:close() end)

    local function take(max)
        local view
        reader:view(max, function(got) view = got end)
        swarm:until_true(function() return view end)
        return view
    end

    it("shows bytes as a string would", function()
        local bytes = loopback.files[1][2]
        local view = take(1000)
        local text = bytes:sub(1, #view)
        assert.equal(1000, #view)
        local ranges = {
            { 1, -1 }, { 1, 10 }, { -5, -1 }, { 990, 2000 }, { 5, 4 }, { 0, 0 }, { 2000, 1 },
        }
        for _, each in ipairs(ranges) do
            assert.equal(text:sub(each[1], each[2]), view:sub(each[1], each[2]))
            assert.same({ text:byte(each[1], each[2]) }, { view:byte(each[1], each[2]) })
        end
        assert.equal(text:byte(), view:byte())
        assert.equal(text:byte(-1), view:byte(-1))
        assert.same({ text:find(text:sub(500, 507), 1, true) }, { view:find(text:sub(500, 507)) })
        assert.same({ text:find(text:sub(500, 507), 501, true) },
            { view:find(text:sub(500, 507), 501) })
        assert.is_nil(view:find("\0mare is not in here"))
        assert.has_error(function() view.x = 1 end)
    end)

    it("outlives reader, torrent and session", function()
        local view = take(100)
        reader:close()
        session:remove(torrent)
        assert.equal(loopback.files[1][2]:sub(1, 100), view:sub(1, -1))
        session:close(0)
        collectgarbage()
        assert.equal(loopback.files[1][2]:sub(1, 100), view:sub(1, -1))
    end)

    it("lets go of its memory once it is released", function()
        swarm:until_true(function() return torrent.done end)
        reader = assert(torrent:file(2):reader { position = 30000 })
        local view = take(1000)
        local used = session.memory_used
        assert.truthy(used > 0)
        assert.is_true(view:release())
        assert.is_true(view:release())
        assert.truthy(session.memory_used < used)
        assert.has_error(function() return #view end, "view is released")
        assert.has_error(function() view:sub(1) end, "view is released")
        assert.equal("view (released)", tostring(view))
        assert.is_false(view.alive)
    end)
end)

-- Seeders that give so many bytes a second; what they give at once does not count against it.
describe("readers in a swarm", function()
    local swarm, session
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(function() swarm:close() end)

    local function join(torrent, up_rate)
        local seeder = swarm:session { directory = swarm.root .. "/data", up_rate = up_rate }
        local copy = assert(seeder:add(swarm.bytes, { seed = true }))
        swarm:until_true(function() return copy.state == "seeding" end)
        assert(torrent:connect("127.0.0.1:" .. seeder.port))
    end

    -- Reads each file from a position to its end, all at once; what came, in their order.
    local function read_all(torrent, from)
        local got, ended = {}, 0
        for i, position in ipairs(from) do
            local reader = assert(torrent:file(i):reader { position = position, window = 70000 })
            session:spawn(function()
                local parts = {}
                for bytes in reader:chunks(10000) do
                    parts[#parts + 1] = bytes
                end
                got[i], ended = table.concat(parts), ended + 1
                reader:close()
            end)
        end
        swarm:until_true(function() return ended == #from end)
        return got
    end

    for _, case in ipairs {
        { "one fast and three slow ones", { 0, 20000, 20000, 20000 } },
        { "slow ones alone", { 150000, 150000, 150000 } },
    } do
        it("get every byte in order from " .. case[1] .. ", hardly any of them twice", function()
            local torrent = assert(session:add(swarm.bytes))
            for _, rate in ipairs(case[2]) do
                join(torrent, rate)
            end
            local got = read_all(torrent, { 0, 10000, 3 })
            assert.is_true(got[1] == loopback.files[1][2])
            assert.is_true(got[2] == loopback.files[2][2]:sub(10001))
            assert.equal(loopback.files[3][2]:sub(4), got[3])
            assert.truthy(session.stats.payload_wasted <= torrent.size / 2)
        end)
    end

    it("go on when the peer that they hope for leaves", function()
        local torrent = assert(session:add(swarm.bytes))
        join(torrent, 100000)
        local reader, got, left = assert(torrent:file(1):reader()), "", false
        session:spawn(function()
            for bytes in reader:chunks() do
                got = got .. bytes
            end
            reader:close()
        end)
        swarm:until_true(function()
            if #got > 50000 and not left then
                left = true
                torrent.peers[1]:close()
                join(torrent, 0)
            end
            return #got == #loopback.files[1][2]
        end)
        assert.is_true(got == loopback.files[1][2])
    end)
end)
