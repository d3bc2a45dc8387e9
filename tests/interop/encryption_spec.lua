-- Foreign clients that talk encrypted only give to us and get from us, whoever dials; those of
-- another mind get nothing.

local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local process = require "support.process"
local tmpdir = require "support.tmpdir"
local transmission = require "support.clients.transmission"

local DEADLINE = 60

describe("encrypted", function()
    local dir, data, target
    before_each(function()
        dir = tmpdir()
        data, target = payload.create(dir), dir .. "/downloads"
    end)
    after_each(process.cleanup)

    local function check_download(get, encryption)
        local totals = get:complete(DEADLINE)
        assert.equal(encryption, get:last("peer").encryption)
        assert.is_nil(payload.difference(data, target))
        assert.equal(0, totals.pieces_failed)
        return totals
    end

    -- theirs: what they insist on; ours: our mode; and what the connection is then. (Those that
    -- take plain connections only, and us as we are by default: clients_spec.)
    for _, case in ipairs {
        { libtorrent, "rc4", "prefer", "rc4" },
        { libtorrent, "plaintext", "prefer", "handshake" },
        { libtorrent, "both", "require", "rc4" },
        { libtorrent, "enabled", "off", nil },
        { transmission, "required", "prefer", "rc4" },
    } do
        local client, theirs, ours, expected = table.unpack(case, 1, 4)
        local name = ("%s (%s) and us (%s)"):format(client.name, theirs, ours)

        it("download, dialled by us: " .. name, function()
            local seeder = client.seed {
                torrent = data.torrent, dir = data.dir, encryption = theirs,
            }
            check_download(mare.get {
                torrent = data.torrent, dir = target, peers = { seeder.address },
                encryption = ours,
            }, expected)
        end)

        it("upload, dialled by us: " .. name, function()
            local leech = client.leech {
                torrent = data.torrent, dir = target, encryption = theirs,
            }
            local seeder = mare.seed {
                torrent = data.torrent, dir = data.dir, peers = { leech.address },
                encryption = ours,
            }
            leech:complete(DEADLINE)
            assert.equal(expected, seeder:last("peer").encryption)
            assert.is_nil(payload.difference(data, target, client.skips_empty))
        end)

        if client.dials then
            it("upload, dialled by them: " .. name, function()
                local seeder = mare.seed {
                    torrent = data.torrent, dir = data.dir, encryption = ours,
                }
                local leech = client.leech {
                    torrent = data.torrent, dir = target, encryption = theirs,
                    peers = { seeder.address },
                }
                leech:complete(DEADLINE)
                assert.is_nil(payload.difference(data, target))
            end)
        end
    end

    -- Plain, clear behind an encrypted handshake, and RC4 go straight into the piece's buffer.
    for _, case in ipairs { { "off", "off" }, { "plaintext", "prefer" }, { "rc4", "require" } } do
        local theirs, ours = table.unpack(case)
        it("payload is as little copied as any: " .. theirs, function()
            local seeder = mare.seed {
                torrent = data.torrent, dir = data.dir,
                encryption = theirs == "plaintext" and "prefer" or ours,
            }
            local get = mare.get {
                torrent = data.torrent, dir = target, peers = { seeder.address },
                encryption = ours,
            }
            local totals = get:complete(DEADLINE)
            assert.is_true(totals.payload_copied <= totals.payload_received / 20)
        end)
    end

    for _, case in ipairs { { "off", "require" }, { "rc4", "off" } } do
        local theirs, ours = table.unpack(case)
        it(("nothing between libtorrent (%s) and us (%s)"):format(theirs, ours), function()
            local seeder = libtorrent.seed {
                torrent = data.torrent, dir = data.dir, encryption = theirs,
            }
            local get = mare.get {
                torrent = data.torrent, dir = target, peers = { seeder.address },
                encryption = ours,
            }
            get:wait_event(DEADLINE, "error")
            assert.is_nil(get:last "peer")
        end)
    end
end)
