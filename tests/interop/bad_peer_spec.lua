-- Peers that send bad data are found and barred, and only they; the download ends whole.

local bad_peer = require "support.bad_peer"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60
local BAD_HOST = "127.0.0.66" -- who is barred is barred by address

describe("a peer that sends bad data", function()
    local dir, target, data

    before_each(function()
        dir = tmpdir()
        target = dir .. "/downloads"
        data = payload.create(dir)
    end)
    after_each(process.cleanup)

    -- Downloads from a liar and from somebody honest, who is slow enough to leave him some blocks.
    local function download(lies)
        local bad = bad_peer.start { payload = data, host = BAD_HOST, lies = lies }
        local good = libtorrent.seed {
            torrent = data.torrent, dir = data.dir, up_rate = 4000000,
        }
        local get = mare.get {
            torrent = data.torrent, dir = target, peers = { bad.address, good.address },
        }
        get:complete(DEADLINE)
        assert.is_nil(payload.difference(data, target))
        return get, bad
    end

    local function check_barred(get, bad)
        local banned = get:events "banned"
        assert.is_true(bad.lied > 0)
        assert.is_true(#get:events "hash_failed" > 0)
        assert.equal(1, #banned)
        assert.is_truthy(banned[1].message:find(BAD_HOST, 1, true))
        assert.is_nil(next(bad.open))
        assert.equal(1, bad.connections) -- and nobody dialled it again
    end

    it("in every block is barred", function()
        check_barred(download(function() return true end))
    end)

    it("now and then is barred", function()
        check_barred(download(function(n) return n % 7 == 0 end))
    end)
end)
