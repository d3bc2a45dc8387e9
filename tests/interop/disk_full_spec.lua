-- A disk that fills up: the download pauses, says so, goes on giving what it has, and resumes by
-- itself when there is room again.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local uv = require "luv"

local MIB = 1 << 20
local DEADLINE = 60

-- A file system of `size` bytes at DIR, of which `left` are free: the rest is in DIR/ballast.
local function mount_small(dir, size, left)
    process.run { "mount", "-t", "tmpfs", "-o", "size=" .. size, "mare-test", dir }
    process.defer(function() process.run { "umount", "--lazy", dir } end)
    local ballast <close> = assert(io.open(dir .. "/ballast", "wb"))
    assert(ballast:write(("x"):rep(size - left)))
end

-- Only root may mount, and not in every container.
local function may_mount()
    if uv.getuid() ~= 0 then
        return false
    end
    local dir = tmpdir()
    local status = process.try { "mount", "-t", "tmpfs", "-o", "size=64k", "mare-test", dir }
    if status == 0 then
        process.run { "umount", dir }
    end
    process.cleanup()
    return status == 0
end

describe("a full disk", function()
    local name = "pauses a download, which goes on when there is room"
    if not may_mount() then
        pending(name .. " (NOT RUN: needs the right to mount a tmpfs, so run this as root)")
        return
    end

    after_each(process.cleanup)

    it(name, function()
        local dir, disk = tmpdir(), tmpdir()
        local data = payload.create(dir)
        mount_small(disk, 24 * MIB, 6 * MIB)
        local seeder = libtorrent.seed { torrent = data.torrent, dir = data.dir }
        local get = mare.get { torrent = data.torrent, dir = disk, peers = { seeder.address } }

        local trouble = get:wait_event(DEADLINE, "error")
        assert.equal("nospace", trouble.code)
        local paused = get:wait_event(DEADLINE, "progress", function(event)
            return event.have > 2 * MIB
        end)
        assert.is_true(get:running())
        assert.is_true(paused.have <= 6 * MIB)

        local leech = libtorrent.leech {
            torrent = data.torrent, dir = dir .. "/leech", peers = { get.address },
        }
        process.eventually(DEADLINE, "it uploads while it is paused", function()
            local done = leech:output():match "progress (%d+)/[^\n]*\n$"
            return done and tonumber(done) >= 2 * MIB
        end)
        leech:kill "sigkill"

        assert(os.remove(disk .. "/ballast"))
        get:complete(DEADLINE)
        assert.is_nil(payload.difference(data, disk))
    end)
end)
