---@meta _
-- Recordings of policies.
--
-- A recording holds the rows of every round: all properties of peers (`has` up to 4,096 pieces), pieces (16
-- of their holders) and candidates as they were, so another policy can be asked the same. Beyond its rows
-- nothing is alive: `peer.torrent` is a table as in simulated swarms, a piece's holders and files tell how many
-- they are, actions are counted and not done. The format: src/lua/record.h.

---@class mare
local mare = {}

---@class mare.Moved a row that stands elsewhere in the order
---@field row table its columns as recorded; times in microseconds
---@field was_place? integer from 1; nil: refused, or out by the rules
---@field place? integer the same with the other policy
---@field was? number|false the recorded answer; nil: the built-in's
---@field now? number|false

---@class mare.Difference
---@field line integer of the recording
---@field at number seconds after its begin
---@field torrent integer a number for each
---@field by "policy"|"builtin"|"failed" who answered then
---@field rows mare.Moved[] the first five

---@class mare.ReplayCount
---@field name string the question
---@field rounds integer
---@field rows integer
---@field order_differs integer rounds in which any row stands elsewhere
---@field chosen_differ integer rounds in which others are chosen: admitted; dialled, dropped or begun first; for regular upload slots; the two sources of an urgent piece
---@field correlation? number of the two orders (Spearman), mean of the rounds: 1 the same, -1 the reverse
---@field failures integer rounds in which the policy failed
---@field actions table<string, integer> what it asked for: { ban = 2 }
---@field differences mare.Difference[] the first five

---@class mare.ReplayResult
---@field path string
---@field same boolean not one row stands elsewhere
---@field rounds integer
---@field lost integer rounds that found no place in the recorder's buffer
---@field errors string[] of the policy, the first ten
---@field questions table<integer|string, mare.ReplayCount> by number and by name
local ReplayResult = {}

---A line for each question, then the first differences.
---@return string
function ReplayResult:table() end

---Asks a policy what a recorded one was asked, and says where it differs.
---@param path string
---@param policy mare.Policy|string|fun(): mare.Policy functions; or a ready-made one's name; or a file ("./p.lua")
---@return mare.ReplayResult? result, string? message, mare.Code? code
function mare.replay(path, policy) end
