-- A download that is cut short goes on where it was, whatever cut it short.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local MIB = 1 << 20
local DEADLINE = 60

describe("a download", function()
    local dir, target, data, seeder

    local function start_seeder()
        seeder = libtorrent.seed { torrent = data.torrent, dir = data.dir }
    end

    before_each(function()
        dir = tmpdir()
        target = dir .. "/downloads"
        data = payload.create(dir)
        start_seeder()
    end)
    after_each(process.cleanup)

    local function get(o)
        return mare.get {
            torrent = data.torrent, dir = target, state = dir .. "/" .. (o.state or "state"),
            down = o.down, peers = { seeder.address },
        }
    end

    -- Ends a slow download by a signal when it has this share of all; the bytes that it told to
    -- have, and its exit status.
    local function cut(signal, share)
        local p = get { down = "3M" }
        local told = p:wait_event(DEADLINE, "progress", function(event)
            return event.progress >= share
        end)
        p:kill(signal)
        local status = p:wait(DEADLINE)
        return told.have, status, p
    end

    -- What is there is not asked for again; the last second and pieces in flight may be.
    local function finish(have)
        local totals = get({}):complete(DEADLINE)
        assert.is_true(totals.payload_received <= data.size - have + MIB,
            ("had %d, received %d"):format(have, totals.payload_received))
        assert.is_nil(payload.difference(data, target))
    end

    it("that is killed twice goes on each time, and ends whole", function()
        local first, status = cut("sigkill", 0.2)
        assert.equal(128 + 9, status)
        local second = cut("sigkill", 0.6)
        assert.is_true(second > first)
        finish(second)
    end)

    it("that is killed without its state directory goes on, too", function()
        local have = cut("sigkill", 0.4)
        assert(os.execute(("rm -rf '%s/state'"):format(dir)))
        finish(have)
    end)

    -- Bytes that it reads to find out what is there, while nobody gives it anything.
    local function read_by_start(have, state)
        local p = get { state = state }
        p:wait_event(DEADLINE, "progress", function(event)
            return event.state == "downloading" and event.have >= have
        end)
        local bytes = p:told("io", "rchar")
        p:kill "sigkill"
        p:wait(DEADLINE)
        return bytes
    end

    it("that is interrupted saves its state, and starts without a full check", function()
        local have, status, p = cut("sigint", 0.6)
        assert.equal(130, status)
        assert.is_not_nil(p:last "interrupted")
        seeder:kill "sigkill"
        seeder:wait(DEADLINE)
        assert.is_true(read_by_start(have, "state") < have / 2)
        assert.is_true(read_by_start(have, "no-state") >= have) -- what a full check reads
        start_seeder()
        finish(have)
    end)
end)
