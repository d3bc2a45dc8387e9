-- Every example runs to its end on loopback, and says what its title promises.

local lua = os.getenv "MARE_LUA" or "lua5.4"

local says = {
    ["01_download"] = "moon: 15001969 bytes, verified",
    ["02_tasks"] = "moon/notes.txt%s+begins with%s+00 00 00 00",
    ["03_choose_files"] = "12000000 of  12000000 bytes",
    ["04_own_loop"] = "done after %d+ frames",
    ["05_luv"] = "moon is complete",
    ["06_cqueues"] = "moon is complete",
    ["07_magnet"] = "some moon: metadata.*it is moon: 15001969 bytes in 3 files.*were wanted",
    ["08_read"] = "12000000 bytes in order.*in its middle stands",
    ["09_trackers"] = "working +0 seeds +1 leechers.*failed.*says 0 seeds and 1 leechers",
    ["13_own_choker"] = "the policy has decided who is served",
    ["14_blocklist_filter"] = "never dialled: 127.0.0.66:%d+\ncomplete: 1048576 bytes .* 0 from",
    ["15_ban_leeches"] = "banned 127.0.0.30.*he is let in again.*who gives was never touched",
    ["16_in_order"] = "they came in order",
    ["17_time_of_day"] = "the day is quieter than the night",
    ["18_hot_reload"] = "reloaded while it ran",
    ["19_record_replay"] = "once more: the same.*sequential.*piece +%d+ +%d+ +%d+ %(100 %%%)",
    ["12_compare_policies"] = "free riders take 1%.%d+ times as long.*best by tit for tat",
}

local function examples()
    local list = {}
    for path in io.popen("ls examples/*.lua"):lines() do
        list[#list + 1] = path:match "examples/(%d%d_.*)%.lua"
    end
    return list
end

describe("examples", function()
    for _, name in ipairs(examples()) do
        it("runs " .. name, function()
            local child = io.popen(("timeout 60 %s examples/%s.lua 2>&1"):format(lua, name))
            local output = child:read "a"
            local ok, _, status = child:close()
            assert.is_truthy(says[name], "no expectation for " .. name)
            assert.is_truthy(ok, ("status %s: %s"):format(status, output))
            assert.matches(says[name], output)
        end)
    end
end)
