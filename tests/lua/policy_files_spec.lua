-- lua/mare/policy: each ready-made policy judges rows as it says it does.

local policy = require "mare.policy"

-- Rows as a policy sees them, with what matters set.
local function row(of, fields)
    return setmetatable(fields or {}, { __index = of })
end

local PEER = {
    ip = "203.0.113.7", download_rate = 0, upload_rate = 0, download_average = 0, uploaded = 0,
    downloaded = 0, outstanding = 0, rtt = 0.1, connected_for = 300, hash_fails = 0,
    snubbed = false, torrent = { done = false, ratio = 0 },
}
local PIECE = { index = 5, availability = 3 }

local function peer(fields)
    fields = fields or {}
    fields.data = {}
    return row(PEER, fields)
end
local function piece(fields) return row(PIECE, fields) end

describe("ready-made policies", function()
    -- name, question, rather this one, than that one
    local prefers = {
        { "rarest", "piece", piece { availability = 1 }, piece { availability = 2 } },
        { "sequential", "piece", piece { index = 0 }, piece { index = 1 } },
        { "sequential", "piece", piece { index = 70000 }, piece { index = 70001 } },
        { "stream", "piece", piece { deadline = 1 }, piece { deadline = 2 } },
        { "stream", "piece", piece { deadline = 60 }, piece { availability = 1 } },
        { "stream", "source", peer { rtt = 0.05 }, peer { rtt = 0.5 } },
        { "stream", "source", peer { outstanding = 2 }, peer { outstanding = 200 } },
        { "tit_for_tat", "unchoke", peer { download_rate = 2000 }, peer { download_rate = 1000 } },
        { "seed_round_robin", "unchoke", peer { unchoked_for = 30 }, peer { waiting_for = 900 } },
        { "seed_round_robin", "unchoke", peer { waiting_for = 9 }, peer { unchoked_for = 90 } },
        { "seed_round_robin", "unchoke", peer { waiting_for = 90 }, peer { waiting_for = 9 } },
        { "fastest", "unchoke", peer { upload_rate = 9000 }, peer { upload_rate = 8000 } },
        { "fastest", "drop", peer { upload_rate = 10 }, peer { upload_rate = 8000 } },
        { "fastest", "source", peer { download_rate = 20 }, peer { download_rate = 10 } },
        { "generous", "unchoke", peer { uploaded = 0 }, peer { uploaded = 16384 } },
        { "nearest", "connect", peer { ip = "192.168.3.4" }, peer() },
        { "nearest", "connect", peer { ip = "fe80::1" }, peer { ip = "2001:db8::1" } },
        { "nearest", "unchoke", peer { rtt = 0.01 }, peer { rtt = 0.2 } },
        { "nearest", "drop", peer { rtt = 0.2 }, peer { rtt = 0.01 } },
        { "anti_leech", "unchoke", peer { download_rate = 10 }, peer { download_rate = 5 } },
    }
    for _, case in ipairs(prefers) do
        local name, question, this, that = table.unpack(case)
        it(("%s.%s tells the better one"):format(name, question), function()
            local judge = policy[name]()[question]
            assert.truthy(judge(this) > judge(that))
        end)

        it(("%s.%s scores between 0 and 1"):format(name, question), function()
            local judge = policy[name]()[question]
            for _, it in ipairs { this, that } do
                assert.truthy(judge(it) >= 0 and judge(it) <= 1)
            end
        end)
    end

    it("all exist and answer to questions that there are", function()
        local known = {}
        for _, question in ipairs(policy.questions) do known[question] = true end
        for _, name in ipairs(policy.names) do
            for question, judge in pairs(policy[name]()) do
                assert.is_true(known[question], name)
                assert.is_function(judge)
            end
        end
    end)

    it("sequential starts where it is told", function()
        local judge = policy.sequential { from = 100 }.piece
        assert.truthy(judge(piece { index = 100 }) > judge(piece { index = 101 }))
        assert.truthy(judge(piece { index = 5000 }) > judge(piece { index = 0 }))
    end)

    it("stream asks nothing urgent of a silent peer", function()
        assert.is_false(policy.stream().source(peer { snubbed = true }))
    end)

    it("tit_for_tat leaves a seed's slots to the engine", function()
        assert.is_nil(policy.tit_for_tat().unchoke(peer { torrent = { done = true } }))
    end)

    it("nearest { only = true } refuses the rest", function()
        local chosen = policy.nearest { subnets = { "203.0.112.0/23" }, only = true }
        assert.equal(1, chosen.admit(peer()))
        assert.is_false(chosen.connect(peer { ip = "203.0.114.1" }))
        assert.is_false(chosen.unchoke(peer { ip = "2001:db8::1" }))
    end)

    it("nearest says which subnet is none", function()
        local function wrong() policy.nearest { subnets = { "10.0.0.0/33" } } end
        assert.error_matches(wrong, "10.0.0.0/33")
    end)

    it("ratio serves nobody any more when enough was given", function()
        local judge = policy.ratio { ratio = 2 }.unchoke
        assert.is_nil(judge(peer { torrent = { done = true, ratio = 1.9 } }))
        assert.is_false(judge(peer { torrent = { done = true, ratio = 2 } }))
        assert.is_nil(judge(peer { torrent = { done = false, ratio = 3 } }))
    end)

    it("ratio ends by time, too", function()
        local judge = policy.ratio { ratio = false, seconds = 60 }.unchoke
        assert.is_nil(judge(peer { torrent = { done = true, ratio = 9, done_at = os.time() } }))
        local long_ago = os.time() - 61
        assert.is_false(judge(peer { torrent = { done = true, ratio = 0, done_at = long_ago } }))
    end)
end)

describe("anti_leech", function()
    local judge, leech
    before_each(function()
        judge = policy.anti_leech {
            allowance = 1000, patience = 100, strikes = 2, ban = 60,
        }.unchoke
        leech = peer { uploaded = 2000, banned = false }
        function leech:ban(seconds) self.banned = seconds end
    end)

    it("lets who gives something go on", function()
        leech.downloaded = 500
        assert.truthy(judge(leech))
    end)

    it("takes the slot of who gives nothing for his allowance", function()
        assert.is_false(judge(leech))
        assert.is_false(leech.banned)
    end)

    it("lets him try again after a while", function()
        assert.is_false(judge(leech))
        leech.connected_for = 399
        assert.is_false(judge(leech))
        leech.connected_for = 401
        assert.truthy(judge(leech))
    end)

    it("bars him when he goes on like that, for a while", function()
        judge(leech)
        leech.connected_for, leech.uploaded = 401, 4000
        assert.is_false(judge(leech))
        assert.equal(60, leech.banned)
    end)

    it("bars who sends data that fails its hash", function()
        leech.hash_fails = 2
        assert.is_false(judge(leech))
        assert.equal(60, leech.banned)
    end)

    it("leaves seeding to the engine: nobody can pay a seed back", function()
        leech.torrent = { done = true }
        assert.is_nil(judge(leech))
    end)
end)

describe("compose", function()
    local function saying(score) return { unchoke = function() return score end } end

    it("adds scores by their weights", function()
        local both = policy.compose(saying(0.5), { saying(1), weight = 2 })
        assert.equal(2.5, both.unchoke(PEER))
    end)

    it("obeys whoever says never", function()
        assert.is_false(policy.compose(saying(1), saying(false)).unchoke(PEER))
    end)

    it("leaves it to the engine when nobody has an opinion", function()
        assert.is_nil(policy.compose(saying(nil), saying(nil)).unchoke(PEER))
    end)

    it("counts no opinion as nothing", function()
        assert.equal(1, policy.compose(saying(1), saying(nil)).unchoke(PEER))
    end)

    it("keeps questions that only one answers", function()
        local both = policy.compose(policy.rarest(), policy.generous())
        assert.is_function(both.piece)
        assert.is_function(both.unchoke)
        assert.is_nil(both.admit)
    end)

    it("says which argument is no policy", function()
        assert.error_matches(function() policy.compose(policy.rarest(), "x") end, "argument 2")
    end)
end)

describe("apply", function()
    it("sets what there is and gives the rest back to the engine", function()
        local target = { policy = { drop = print } }
        policy.apply(target, policy.generous())
        assert.is_function(target.policy.unchoke)
        assert.is_nil(target.policy.drop)
    end)
end)
