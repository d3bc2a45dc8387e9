-- A disk that fills up: the download pauses, says so, goes on giving what it has, and resumes by
-- itself when there is room again.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local small_disk = require "support.small_disk"
local tmpdir = require "support.tmpdir"

local MIB = 1 << 20
local DEADLINE = 60

describe("a full disk", function()
    local name = "pauses a download, which goes on when there is room"
    if not small_disk.may_mount() then
        pending(name .. " (NOT RUN: needs the right to mount a tmpfs, so run this as root)")
        return
    end

    after_each(process.cleanup)

    it(name, function()
        local dir, disk = tmpdir(), tmpdir()
        local data = payload.create(dir)
        small_disk.mount(disk, 24 * MIB, 6 * MIB)
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
