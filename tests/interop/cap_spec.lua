-- A film much larger than what may be kept of it: played through and gone back in, by a client that
-- knows nothing of that. What it costs the kernel counts: memory of a process, blocks of a file.

local loopback = require "support.loopback"
local mare = require "support.clients.mare"
local process = require "support.process"
local uv = require "luv"

local MIB = 1 << 20
local DEADLINE = 60
local SIZE, PIECE = 192 * MIB, 1 * MIB
local KEEP, MEMORY = 16 * MIB, 16 * MIB
-- The program itself: Lua, libraries, their buffers. It needs about 15.
local BASE = 24 * MIB

-- As `mare serve` would, with the storage that the spec chooses.
local PLAYER = [[
local mare = require "mare"
local torrent_file, directory, peer, storage, keep, memory = table.unpack(arg)
local session = assert(mare.session {
    port = 0, bind = "127.0.0.1", dht = false, lsd = false, portmap = false,
    directory = directory, memory = tonumber(memory), http = true,
})
local torrent = assert(session:add(torrent_file, storage == "memory"
    and { storage = "memory", max_memory = tonumber(keep) } or { max_disk = tonumber(keep) }))
assert(torrent:connect(peer))
print(torrent.files[1].url)
io.stdout:flush()
session:run()
]]

-- Random enough, fast, and the same each time: a cipher's key stream.
local function create(dir)
    process.run { "mkdir", "-p", dir .. "/large" }
    process.run {
        "sh", "-c", "head -c $1 /dev/zero | openssl enc -aes-128-ctr -K $2 -iv $2 >$3", "sh",
        ("%d"):format(SIZE), ("1"):rep(32), dir .. "/large/film.mkv",
    }
    process.run {
        "/usr/bin/python3", "tests/support/make_torrent.py", dir .. "/large",
        dir .. "/large.torrent", tostring(PIECE),
    }
    return dir .. "/large.torrent"
end

describe("a film of 192 MiB, of which 16 are kept", function()
    local dir, torrent, seeder

    setup(function()
        dir = loopback.folder()
        torrent = create(dir)
    end)
    teardown(function() os.execute("rm -rf '" .. dir .. "'") end)
    before_each(function() seeder = mare.seed { torrent = torrent, dir = dir } end)
    after_each(process.cleanup)

    local function play(storage)
        local script = dir .. "/player.lua"
        local file <close> = assert(io.open(script, "w"))
        file:write(PLAYER)
        file:flush()
        local player = process.start {
            os.getenv "MARE_LUA" or "lua5.4", script, torrent, dir .. "/" .. storage,
            seeder.address, storage, tostring(KEEP), tostring(MEMORY), name = "player",
        }
        player.url = process.eventually(DEADLINE, "it serves", function()
            return player:output():match "^(http%S+)\n"
        end)
        return player
    end

    -- Reads from a position to the end, or so many bytes, and compares; `each` meanwhile.
    local function watch(player, from, length, each)
        local last = length and from + length - 1 or ""
        local viewer = process.start {
            "bash", "-c", [[set -o pipefail; curl -sSf -r "$1-$2" "$3" |
                cmp - <(tail -c +$(($1 + 1)) "$4" | head -c "$5")]], "bash",
            tostring(from), tostring(last), player.url, dir .. "/large/film.mkv",
            tostring(length or SIZE), name = "viewer",
        }
        process.eventually(DEADLINE, "it is played", function()
            each()
            return not viewer:running()
        end)
        viewer:succeed(1)
    end

    local function play_and_go_back(player, each)
        watch(player, 0, nil, each)
        watch(player, 5 * MIB + 5, 20 * MIB, each)
        watch(player, 150 * MIB, nil, each)
    end

    it("in memory needs no more than that, and nothing on disk", function()
        local player = play "memory"
        play_and_go_back(player, function() end)
        local peak = player:told("status", "VmHWM") * 1024
        assert.is_true(peak < KEEP + MEMORY + BASE, ("%.1f MiB"):format(peak / MIB))
        assert.is_nil(uv.fs_stat(dir .. "/memory/large"))
    end)

    it("on disk takes no more room than that, and no more memory either", function()
        local player, most = play "disk", 0
        play_and_go_back(player, function()
            local stat = uv.fs_stat(dir .. "/disk/large/film.mkv")
            most = math.max(most, stat and stat.blocks * 512 or 0)
        end)
        assert.is_true(most > KEEP // 2)
        assert.is_true(most <= KEEP + PIECE, ("%.1f MiB"):format(most / MIB))
        local peak = player:told("status", "VmHWM") * 1024
        assert.is_true(peak < MEMORY + BASE, ("%.1f MiB"):format(peak / MIB))
    end)
end)
