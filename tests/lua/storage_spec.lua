-- Where a torrent's data is kept: in memory alone, or on disk up to a bound. Then only what is
-- read is fetched, and what was read goes again.

local loopback = require "support.loopback"

local PIECE = 16384
local whole = loopback.files[1][2]

describe("a torrent", function()
    local swarm, session
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(function() swarm:close() end)

    -- The bytes of file 1 from a position on, read in a task; calls `each` after every read.
    local function read(reader, length, each)
        local parts, got, done = {}, 0, false
        session:spawn(function()
            while got < length do
                local bytes = assert(reader:read(length - got))
                parts[#parts + 1], got = bytes, got + #bytes
            end
            done = true
        end)
        swarm:until_true(function()
            if each then
                each()
            end
            return done
        end)
        return table.concat(parts)
    end

    -- Bytes on disk of file 1.
    local function occupied(folder)
        local pipe = assert(io.popen(("stat -c %%b '%s/moon/a.bin'"):format(folder)))
        local blocks = pipe:read "n"
        pipe:close()
        return blocks * 512
    end

    local function exists(path)
        return os.execute(("test -e '%s'"):format(path)) == true
    end

    for _, case in ipairs {
        { "in memory", { storage = "memory", max_memory = 8 * PIECE } },
        { "on disk", { max_disk = 8 * PIECE } },
    } do
        it("under a cap " .. case[1] .. " is read through and never keeps more", function()
            local torrent = swarm:add(session, case[2])
            local reader = assert(torrent:file(1):reader())
            local most = 0
            local got = read(reader, #whole, function()
                most = math.max(most, torrent.pieces_have)
                assert.truthy(torrent.have <= 8 * PIECE)
            end)
            assert.is_true(got == whole)
            assert.truthy(most > 4)
            assert.equal("downloading", torrent.state)
        end)

        it("under a cap " .. case[1] .. " is fetched again where it is read again", function()
            local torrent = swarm:add(session, case[2])
            local reader = assert(torrent:file(1):reader { prefetch = false })
            read(reader, 200000)
            swarm:until_true(function() return torrent:piece(1).state == "missing" end)
            local before = torrent.downloaded
            reader:seek(PIECE)
            assert.is_true(whole:sub(PIECE + 1, 3 * PIECE) == read(reader, 2 * PIECE))
            assert.truthy(torrent.downloaded >= before + 2 * PIECE)
        end)

        it("under a cap " .. case[1] .. " fetches nothing that nobody reads", function()
            local torrent = swarm:add(session, case[2])
            swarm:until_true(function() return #torrent.peers > 0 end)
            swarm:steps(50)
            assert.equal(0, torrent.downloaded)
            local reader = assert(torrent:file(1):reader { prefetch = false })
            swarm:until_true(function() return torrent.pieces_have >= 4 end)
            swarm:steps(50)
            assert.equal(4, torrent.pieces_have) -- its window
            assert.equal(reader.ready, torrent.have)
        end)

        it("under a cap " .. case[1] .. " keeps head and tail of what is read", function()
            local torrent = swarm:add(session, case[2])
            local reader = assert(torrent:file(1):reader())
            read(reader, 250000)
            assert.is_true(torrent:piece(0).have)
            assert.is_true(torrent:piece((#whole - 1) // PIECE).have)
        end)

        it("with too low a cap " .. case[1] .. " is refused", function()
            local options = { storage = case[2].storage }
            options[case[2].storage and "max_memory" or "max_disk"] = 3 * PIECE
            local torrent, message, code = session:add(swarm.bytes, options)
            assert.is_nil(torrent)
            assert.equal("limit", code)
            assert.truthy(message:find("raise max_", 1, true))
        end)
    end

    it("in memory leaves nothing on disk", function()
        local torrent = swarm:add(session, { storage = "memory" })
        swarm:until_true(function() return torrent.done end)
        assert.equal("seeding", torrent.state)
        assert.is_false(exists(session.directory .. "/moon"))
        local got
        torrent:file(1):read(1000, 2000, function(bytes) got = bytes end)
        swarm:until_true(function() return got end)
        assert.equal(whole:sub(1001, 3000), got)
        assert.same({ nil, "unsupported" },
            { torrent:recheck(), select(3, torrent:recheck()) })
    end)

    it("in memory is given to others", function()
        local torrent = swarm:add(session, { storage = "memory" })
        swarm:until_true(function() return torrent.done end)
        local other = swarm:session()
        local copy = assert(other:add(swarm.bytes))
        copy:connect("127.0.0.1:" .. session.port)
        swarm:until_true(function() return copy.done end)
        assert.is_true(loopback.is_whole(other.directory))
        assert.equal(copy.size, torrent.uploaded)
    end)

    it("with a cap on disk gives the space back", function()
        local torrent = swarm:add(session, { max_disk = 8 * PIECE })
        local reader = assert(torrent:file(1):reader())
        assert.is_true(whole == read(reader, #whole))
        swarm:until_true(function() return occupied(session.directory) <= 8 * PIECE end)
        assert.equal(#whole, #loopback.read(session.directory .. "/moon/a.bin"))
    end)

    it("with a cap gives others what it has, and nothing else", function()
        local torrent = swarm:add(session, { max_disk = 8 * PIECE })
        local reader = assert(torrent:file(1):reader { prefetch = false })
        local other = swarm:session()
        local copy = assert(other:add(swarm.bytes))
        copy:connect("127.0.0.1:" .. session.port)
        swarm:until_true(function() return #copy.peers > 0 end)
        assert.is_true(whole == read(reader, #whole))
        swarm:steps(100)
        assert.equal(0, other.stats.pieces_failed)
        copy:connect("127.0.0.1:" .. swarm.seed.port)
        swarm:until_true(function() return copy.done end)
        assert.is_true(loopback.is_whole(other.directory))
    end)
end)

describe("a throwaway torrent", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    local function exists(path)
        return os.execute(("test -e '%s'"):format(path)) == true
    end

    -- Files of torrents in a state directory: their names are hashes.
    local function left_in(state)
        local pipe = assert(io.popen(("ls '%s' | grep -E '^[0-9a-f]{40}'"):format(state)))
        local first = pipe:read "l"
        pipe:close()
        return first
    end

    local function download(options)
        local session = swarm:session(options)
        local torrent = swarm:add(session, { throwaway = true })
        swarm:until_true(function() return torrent.done end)
        return session, torrent
    end

    it("goes with its session", function()
        local session = download { state = swarm.root .. "/state" }
        local folder = session.directory
        assert.is_true(exists(folder .. "/moon/a.bin"))
        session:close(0)
        assert.is_false(exists(folder .. "/moon"))
        assert.is_nil(left_in(swarm.root .. "/state"))
    end)

    it("goes without a state directory, too", function()
        local session = download()
        local folder = session.directory
        session:close(0)
        assert.is_false(exists(folder .. "/moon"))
    end)

    it("stays when it is removed without its data", function()
        local session, torrent = download { state = swarm.root .. "/state" }
        local marker = ("%s/state/%s.throwaway"):format(swarm.root, torrent.info_hash)
        local folder, removed = session.directory, false
        assert.is_true(exists(marker))
        session:on("removed", function() removed = true end)
        torrent:remove()
        swarm:until_true(function() return removed end)
        session:close(0)
        assert.is_true(loopback.is_whole(folder))
        assert.is_false(exists(marker))
    end)

    it("does not delete what was there before", function()
        local session = swarm:session { directory = swarm.root .. "/mine" }
        loopback.write(swarm.root .. "/mine/moon/sub/c.txt", "a line\n")
        local said
        session:on("error", function(_, text) said = text end)
        local torrent = swarm:add(session, { throwaway = true })
        swarm:until_true(function() return torrent.done end)
        assert.truthy(said:find("will not be deleted", 1, true))
        session:close(0)
        assert.is_true(loopback.is_whole(swarm.root .. "/mine"))
    end)

    it("is left alone by another session while its own lives", function()
        local session = download { state = swarm.root .. "/state" }
        local other = swarm:session { state = swarm.root .. "/state" }
        assert.is_true(loopback.is_whole(session.directory))
        other:close(0)
    end)

    it("that a crash left behind is swept by the next session", function()
        local script, root = swarm.root .. "/crash.lua", swarm.root .. "/crashed"
        loopback.write(script, ([[
            local loopback = require "support.loopback"
            local swarm = loopback.new()
            local session = swarm:session { state = %q, directory = %q }
            local torrent = swarm:add(session, { throwaway = true })
            swarm:until_true(function() return torrent.done end)
            torrent:save()
            local resume = %q .. torrent.info_hash .. ".resume"
            swarm:until_true(function()
                return loopback.is_whole(%q) and loopback.read(resume)
            end)
            os.execute("rm -rf " .. swarm.root .. "; kill -9 $PPID")
        ]]):format(root .. "/state", root, root .. "/state/", root))
        os.execute((os.getenv "MARE_LUA" or "lua5.4") .. " " .. script .. " 2>/dev/null")
        assert.is_true(loopback.is_whole(root))
        loopback.write(root .. "/moon/sub/mine.txt", "not of the torrent")
        local session = swarm:session { state = root .. "/state", directory = root }
        for _, file in ipairs(loopback.files) do
            assert.is_false(exists(root .. "/moon/" .. file[1]))
        end
        assert.is_true(exists(root .. "/moon/sub/mine.txt"))
        assert.is_nil(left_in(root .. "/state"))
        session:close(0)
    end)
end)
