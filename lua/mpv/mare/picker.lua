-- picker: which file of the torrent to play. mpv's own list where it has one (0.39), else a menu
-- that takes the keys as long as it is open.

local mp = require "mp"
local has_input, input = pcall(require, "mp.input")

local picker = {}

local ROWS = 12
local keys = { "UP", "DOWN", "ENTER", "ESC", "KP_ENTER", "PGUP", "PGDWN" }

-- What of a menu of `count` rows is seen when `at` is chosen: first and last.
function picker.page(count, at)
    local first = math.max(1, math.min(at - math.floor(ROWS / 2), count - ROWS + 1))
    return first, math.min(count, first + ROWS - 1)
end

local function plain(text)
    return (text:gsub("%c", " "):gsub("\\", "/"):gsub("{", "("):gsub("}", ")"))
end

local function menu_text(items, at)
    local first, last = picker.page(#items, at)
    local lines = {}
    for i = first, last do
        lines[#lines + 1] = (i == at and "{\\b1}> " or "{\\b0}   ") .. plain(items[i])
    end
    return "{\\an7\\pos(24,140)\\fs20\\bord1.5}" -- below the overlay
         .. table.concat(lines, "\\N")
end

local function open_menu(items, at, choose)
    local osd = mp.create_osd_overlay "ass-events"
    local function draw()
        osd.data = menu_text(items, at)
        osd:update()
    end
    local function close()
        for _, key in ipairs(keys) do
            mp.remove_key_binding("mare-menu-" .. key)
        end
        osd:remove()
    end
    local function move(by)
        return function()
            at = math.max(1, math.min(#items, at + by))
            draw()
        end
    end
    local function take()
        close()
        choose(at)
    end
    local actions = { UP = move(-1), DOWN = move(1), PGUP = move(-ROWS), PGDWN = move(ROWS),
        ENTER = take, KP_ENTER = take, ESC = close }
    for _, key in ipairs(keys) do
        mp.add_forced_key_binding(key, "mare-menu-" .. key, actions[key], { repeatable = true })
    end
    draw()
end

-- choose(number) is called with what was chosen of the list of texts.
function picker.select(prompt, items, at, choose)
    if has_input and input.select then
        input.select { prompt = prompt, items = items, default_item = at, submit = choose }
    else
        open_menu(items, at, choose)
    end
end

return picker
