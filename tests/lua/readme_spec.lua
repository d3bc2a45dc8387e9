-- What README.md shows about policies runs as it stands there: on a download from a seeder on
-- loopback, which then completes without an error.

local loopback = require "support.loopback"
local mare = require "mare"

-- The Lua snippets of a section, in order.
local function snippets(title)
    local text = assert(loopback.read "README.md")
    local from = assert(text:find("## " .. title .. "\n", 1, true), title)
    local section = text:sub(from, text:find("\n## ", from + 3, true))
    local list = {}
    for code in section:gmatch "```lua\n(.-)```" do
        list[#list + 1] = code
    end
    return list
end

describe("README.md", function()
    local swarm
    before_each(function() swarm = loopback.new() end)
    after_each(function() swarm:close() end)

    -- Runs it with a session and a torrent, and completes the download. What it printed.
    local function try(code)
        local session, printed, problem = swarm:session(), {}, nil
        session:on("error", function(_, message) problem = message end)
        local torrent = swarm:add(session)
        local env = setmetatable({
            session = session, torrent = torrent, mare = mare,
            print = function(text) printed[#printed + 1] = tostring(text) end,
        }, { __index = _G })
        assert(load(code, "=README.md", "t", env))()
        swarm:until_true(function() return torrent.done end)
        assert.is_nil(problem)
        return table.concat(printed, "\n")
    end

    local selection = snippets "Peer selection"

    it("has a snippet for each question", function()
        for _, question in ipairs(mare.policy.questions) do
            local found = 0
            for _, code in ipairs(selection) do
                local shown = code:find("policy." .. question .. " = function", 1, true)
                found = found + (shown and 1 or 0)
            end
            assert.equal(1, found, question)
        end
    end)

    for i, code in ipairs(selection) do
        it(("selects peers: snippet %d, %s"):format(i, code:match "^[^\n]*"), function()
            try(code)
        end)
    end

    it("names the ready-made policies", function()
        local text = loopback.read "README.md"
        for _, name in ipairs(mare.policy.names) do
            assert.truthy(text:find("`" .. name .. "`", 1, true), name)
        end
    end)

    for i, code in ipairs(snippets "Trying policies on a simulated swarm") do
        it("simulates: snippet " .. i, function()
            assert.matches("free_rider", try(code))
        end)
    end
end)
