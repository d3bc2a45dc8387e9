---@meta _
-- Simulated swarms.
--
-- Policies on a swarm in virtual time, deterministic by seed. What decides is the engine's own code (picker,
-- choker, roster, turnover), and policies are asked by the same bridge, with the same properties of peers,
-- pieces and candidates. Only the network is a model: rates are a fluid (an uplink is shared evenly by what
-- flows through it), latency is paid by the first request and by each HAVE, loss is a ceiling per flow.
--
-- In a policy call `peer.torrent` is a table with done, state, progress, downloaded, uploaded, ratio and
-- peer_count of the peer that asks. peer:ban, close, choke and unchoke act (choke and unchoke until the next
-- round); other actions are let go. All peers of one entry share its functions and what these remember;
-- `peer` objects are those of one connection, so what hangs on them is never shared.

---@class mare
local mare = {}

---@class mare.SimPolicy
---@field share? number 0..1 of the peers that are no seeds. Default: what the others leave. If all shares add up to less than 1, the rest has the built-ins.
---@field policy? mare.Policy|string|fun(): mare.Policy functions; or a ready-made one by name (lua/mare/policy); or "builtin"; or "free_rider", which serves nobody
---@field name? string for the result. Default: the policy's.
---@field up? number|number[] as below, for these peers alone; so are down, latency, slots, connections
---@field down? number|number[]
---@field latency? number|number[]
---@field slots? integer
---@field connections? integer
---@field play? number they play the data while it comes, at so many bytes per second: pieces get deadlines

---@class mare.SimSeeds
---@field count? integer Default 1.
---@field up? number|number[] Default: ten times the peers' (a slow seed decides alone how long all take)
---@field latency? number|number[]
---@field slots? integer
---@field connections? integer
---@field policy? mare.Policy|string|fun(): mare.Policy

---@class mare.SimChurn
---@field arrive? number seconds within which the peers come, evenly. Default 0.
---@field linger? number mean seconds that a peer stays when it is complete, evenly from none to twice that. Default: to the end.
---@field abort? number mean seconds after which a peer gives up, evenly from none to twice that. Default: never.

---@class mare.SimOptions
---@field seeds? integer|mare.SimSeeds Default 1.
---@field peers? integer that have nothing at first. Default 100.
---@field up? number|number[] uplink of a peer in bytes per second, or { least, most }: each draws its own. Default 100e3.
---@field down? number|number[] downlink. Default 1e6.
---@field latency? number|number[] seconds from a peer to the middle of the net: a round trip is twice that of both ends. Default 0.05.
---@field loss? number 0..0.5 of the packets: no flow is faster than 1.22 * 1460 B / (round trip * sqrt(loss)). Default 0.
---@field churn? mare.SimChurn
---@field pieces? integer Default 200.
---@field piece_length? integer Default 256 KiB.
---@field block_length? integer what flows without being interrupted. Default: a 16th of a piece, a 4th in big swarms; at least 16 KiB.
---@field policies? mare.SimPolicy[]|table<string, number> entries, or shares by the names of policies
---@field slots? integer upload slots of a peer, math.huge for everybody. Default 8.
---@field connections? integer of a peer, at most. Default 50.
---@field tracker_reply? integer addresses that a peer hears of when it asks. Default 50.
---@field seed? integer of chance. Default 1.
---@field max_time? number virtual seconds. Default: a day.
---@field sample? number seconds between two samples of the series. Default 10.

---@class mare.SimPeer
---@field group string the policy's name, or "seeds"
---@field is_seed boolean
---@field up integer its uplink
---@field down integer its downlink
---@field joined? number seconds since the beginning; nil: it did not come before the end
---@field finished? number
---@field left? number
---@field seconds? number from its coming to its last piece; nil for seeds and for who did not finish
---@field uploaded integer
---@field downloaded integer
---@field pieces integer
---@field ratio? number uploaded / downloaded

---@class mare.SimGroup
---@field name string
---@field peers integer
---@field finished integer
---@field median? number of `seconds`
---@field p95? number 95 of 100 were complete in that time
---@field mean? number
---@field first? number
---@field last? number
---@field uploaded integer
---@field downloaded integer
---@field ratio? number uploaded / downloaded, of all together
---@field fairness? number Jain's index of the peers' ratios: 1 = all give as much for what they take

---@class mare.SimSample
---@field time number
---@field present integer
---@field finished integer peers that are complete and there, seeds apart
---@field upload_use number 0..1 of all uplinks
---@field rarest integer copies of the rarest piece
---@field copies number of a piece, in the mean
---@field diversity number 0..1, Jain's index of the copies that are not seeds': 1 = each piece is as common as the others

---@class mare.SimResult
---@field peers mare.SimPeer[]
---@field groups mare.SimGroup[] one for each policy, also by its name
---@field all mare.SimGroup
---@field series mare.SimSample[]
---@field seconds number virtual time that it took
---@field stalled boolean nobody had what was missing
---@field fairness? number that of `all`
---@field utilisation number 0..1 of what the uplinks could have carried
---@field moved integer payload bytes
---@field wasted integer of these, what end game copies lost
---@field size integer of the torrent
---@field events integer
---@field policy table<string, mare.PolicyStats> what the policies cost, by question
---@field errors string[] of policies, the first ten
local SimResult = {}

---A line for each policy: peers, how many finished, median and p95 of their time, bytes, fairness.
---@return string
function SimResult:table() end

---For the terminal: the share of each policy's peers that have finished, over time.
---@param options? { what: "finished"|"upload"|"diversity"?, width: integer?, height: integer? }
---@return string
function SimResult:plot(options) end

---Writes the three views as a picture.
---@param path string
---@return true? ok, string? message, mare.Code? code
function SimResult:svg(path) end

---@class mare.sim
mare.sim = {}

---Runs a swarm to its end: all peers that stay are complete, or nothing moves any more, or max_time.
---@param options mare.SimOptions
---@return mare.SimResult
function mare.sim.swarm(options) end
