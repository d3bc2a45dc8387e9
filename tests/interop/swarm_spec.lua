-- Three of us, each with another third of the payload, complete each other.

local mare = require "support.clients.mare"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60
local COUNT = 3

describe("three partial downloads", function()
    after_each(process.cleanup)

    it("complete each other, and fetch nothing that was there", function()
        local dir = tmpdir()
        local data = payload.create(dir)
        local addresses, nodes = {}, {}
        for i = 1, COUNT do
            addresses[i] = ports.free()
            data:write_part(dir .. "/" .. i, i - 1, COUNT)
        end
        for i = 1, COUNT do
            local others = {}
            for k = 1, i - 1 do
                others[k] = "127.0.0.1:" .. addresses[k]
            end
            nodes[i] = mare.get {
                torrent = data.torrent, dir = dir .. "/" .. i, port = addresses[i],
                peers = others, seed = true,
            }
        end
        for i, node in ipairs(nodes) do
            node:wait_event(DEADLINE, "complete")
            assert.is_nil(payload.difference(data, dir .. "/" .. i))
        end
        for _, node in ipairs(nodes) do
            node:kill "sigint"
            assert.equal(130, node:wait(DEADLINE))
            local totals = node:last "interrupted"
            local missing = data.size * (COUNT - 1) / COUNT
            assert.is_true(totals.payload_received > missing * 0.9)
            assert.is_true(totals.payload_received < missing * 1.1)
        end
    end)
end)
