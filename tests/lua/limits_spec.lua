-- Rate limits: those who wait for a limited upload take turns.

local loopback = require "support.loopback"

local SIZE = 1500000
local FOR_ALL = 10 * 16384 -- ten pieces are everybody's at once (BEP 6)

describe("a limited upload", function()
    local swarm
    before_each(function()
        swarm = loopback.new { files = { { "a.bin", loopback.noise(SIZE, 1) } } }
    end)
    after_each(function() swarm:close() end)

    it("is shared by those who are served", function()
        local seed, list, most = swarm:seeder(), {}, 0
        seed.up_rate = 600000
        for i = 1, 3 do
            list[i] = swarm:add(swarm:session { pex = false, lsd = false, dht = false })
        end
        swarm:until_true(function()
            for _, torrent in ipairs(list) do
                most = math.max(most, torrent.downloaded)
            end
            return most >= SIZE
        end)
        for _, torrent in ipairs(list) do
            assert.truthy(torrent.downloaded > 2 * FOR_ALL)
        end
    end)
end)
