-- Encryption of connections to peers, between two of us: who may talk to whom, and how.

local loopback = require "support.loopback"

describe("encryption", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    -- A seeder of this mind, and the torrent in a session of that one.
    local function meet(theirs, ours)
        swarm.seed = swarm:session { directory = swarm.root .. "/data", encryption = theirs }
        local seeding = assert(swarm.seed:add(swarm.bytes, { seed = true }))
        swarm:until_true(function() return seeding.state == "seeding" end)
        local session = swarm:session { encryption = ours }
        local met = {}
        session:on("peer", function(_, peer)
            met.encryption, met.encrypted = peer.encryption or "none", peer.encrypted
        end)
        swarm.seed:on("peer", function(_, peer) met.theirs = peer.encryption or "none" end)
        session:on("error", function(_, message) met.error = message end)
        return swarm:add(session), session, met
    end

    -- seeder, who dials, and what their connection is: plain, or what the payload is behind an
    -- encrypted handshake.
    for _, case in ipairs {
        { "off", "off", "none" },
        { "off", "prefer", "none" },
        { "prefer", "off", "none" },
        { "prefer", "prefer", "handshake" },
        { "prefer", "require", "rc4" },
        { "require", "prefer", "rc4" },
        { "require", "require", "rc4" },
    } do
        local theirs, ours, expected = table.unpack(case)
        it(("is %s from %s to %s"):format(expected, ours, theirs), function()
            local torrent, session, met = meet(theirs, ours)
            swarm:until_true(function() return torrent.done end)
            assert.is_true(loopback.is_whole(session.directory))
            assert.equal(expected, met.encryption)
            assert.equal(expected, met.theirs)
            assert.equal(expected == "rc4", met.encrypted)
            assert.is_nil(met.error) -- a second attempt is no failure
        end)
    end

    for _, case in ipairs { { "off", "require" }, { "require", "off" } } do
        local theirs, ours = table.unpack(case)
        it(("brings no connection from %s to %s"):format(ours, theirs), function()
            local torrent, _, met = meet(theirs, ours)
            swarm:until_true(function() return met.error end)
            assert.equal(0, torrent.downloaded)
            assert.is_nil(met.theirs)
        end)
    end

    it("can be read", function()
        assert.equal("prefer", swarm:session().encryption)
        assert.equal("require", swarm:session({ encryption = "require" }).encryption)
    end)
end)
