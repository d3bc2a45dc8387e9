-- A large download from one fast seeder: memory stays bounded, and few bytes are copied.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local MIB = 1 << 20
local DEADLINE = 240
-- The promise is about 2 GiB; less is enough to see memory grow, and MARE_TEST_MIB=2048 is there.
local SIZE = (tonumber(os.getenv "MARE_TEST_MIB") or 2048) * MIB
local PIECE = 1 * MIB

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
