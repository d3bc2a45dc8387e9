-- A large download from one fast seeder: memory stays bounded, and few bytes are copied.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local uv = require "luv"

local MIB = 1 << 20
local DEADLINE = 240
local PIECE = 1 * MIB

-- The promise is about 2 GiB, which need twice that on the disk. Where there is no room, a quarter
-- is enough to see memory grow.
local function affordable_size()
    local disk = uv.fs_statfs(os.getenv "TMPDIR" or "/tmp")
    return disk.bavail * disk.bsize > 6 << 30 and 2048 * MIB or 512 * MIB
end

local SIZE = affordable_size()

-- Random enough, fast, and the same each time: a cipher's key stream. Three files, no border of
-- which is one of a piece.
local function create(dir)
    local path = dir .. "/large"
    assert(os.execute("mkdir -p " .. path))
    local sizes = { SIZE // 2 + 12345, SIZE // 3 + 1, 0 }
    sizes[3] = SIZE - sizes[1] - sizes[2]
    for i, size in ipairs(sizes) do
        process.run {
            "sh", "-c", [[head -c $2 /dev/zero | openssl enc -aes-128-ctr -K $1 -iv 0 >$3]], "sh",
            ("%032x"):format(i), ("%d"):format(size), ("%s/%d.bin"):format(path, i),
            seconds = DEADLINE,
        }
    end
    process.run {
        "/usr/bin/python3", "tests/support/make_torrent.py", path, dir .. "/large.torrent",
        tostring(PIECE), seconds = DEADLINE,
    }
    return dir .. "/large.torrent"
end

describe("a large download", function()
    after_each(process.cleanup)

    it("takes less than 100 MiB of memory and copies less than a quarter", function()
        local dir = tmpdir()
        local torrent = create(dir)
        local seeder = libtorrent.seed { torrent = torrent, dir = dir, unverified = true }
        local get = mare.get {
            torrent = torrent, dir = dir .. "/downloads", peers = { seeder.address }, seed = true,
        }
        get:wait_event(DEADLINE, "complete")
        local peak = get:told("status", "VmHWM") * 1024
        get:kill "sigint"
        get:wait(30)
        local totals = get:last "interrupted"
        assert.is_true(totals.payload_received >= SIZE)
        assert.is_true(totals.payload_copied < totals.payload_received / 4,
            ("%d of %d bytes copied"):format(totals.payload_copied, totals.payload_received))
        assert.is_true(peak < 100 * MIB, ("%.1f MiB at its peak"):format(peak / MIB))
        process.run { "diff", "-r", dir .. "/large", dir .. "/downloads/large", seconds = DEADLINE }
    end)
end)
