-- overlay: a few lines over the picture: what the engine does, and which parts of the file are
-- here, with the playhead. It is there until there is a picture, and whenever there is nothing to
-- play; or, by key or message, as long as one likes.

local mp = require "mp"
local settings = require "settings"

local overlay = {}

local MARGIN = 24 -- of 720 lines
local BAR_HEIGHT = 10
local LONG = 20 -- seconds without anybody
local colours = { ["#"] = "60C060", ["+"] = "408080", ["-"] = "40C0FF", ["."] = "505050" } -- BGR

local osd -- mpv's part
local pinned = false
local shown = {} -- reason -> true

local function size(bytes)
    if bytes >= 1e6 then
        return ("%.1f MB"):format(bytes / 1e6)
    end
    return ("%.0f kB"):format(bytes / 1e3)
end

local function percent(share)
    return ("%d %%"):format(math.floor((share or 0) * 100))
end

-- Names come from strangers: no ASS tags, no lines of their own.
local function plain(text)
    return (text:gsub("%c", " "):gsub("\\", "/"):gsub("{", "("):gsub("}", ")"))
end

-- ---- words -----------------------------------------------------------------------------------

local function count(n, what)
    return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

local function describe_peers(status)
    if status.peers == 0 and (status.opening or 0) > LONG then
        return ("nobody found for %.0f s: perhaps nobody shares it now"):format(status.opening)
    elseif status.peers == 0 then
        local trying = (status.connecting or 0) > 0 and ", connecting to " .. status.connecting
        return "no peers yet" .. (trying or "")
    end
    return count(status.peers, "peer")
end

local function describe_state(status)
    if status.error then
        return plain(status.error)
    elseif status.state == "metadata" then
        return "asking what is in it, " .. percent(status.metadata_progress)
    elseif status.state == "checking" then
        return "checking what is here, " .. percent(status.check_progress)
    elseif (status.waiting or 0) > 1 then
        return ("waiting for data, %.0f s"):format(status.waiting)
    elseif status.progress == 1 then
        return "complete"
    end
    return "fetching, " .. percent(status.progress)
end

-- Lines of text for a status; `cached` seconds are what mpv has in store.
function overlay.lines(status, cached)
    local list = { plain(status.name or ""), describe_state(status) }
    local rates = ("%s    %s/s down    %s/s up"):format(describe_peers(status),
        size(status.down or 0), size(status.up or 0))
    if cached then
        rates = rates .. ("    %.0f s ahead"):format(cached)
    end
    list[#list + 1] = rates
    return list
end

-- ---- the bar ---------------------------------------------------------------------------------

local function box(x, y, width, height, colour)
    local style = ("{\\an7\\pos(%d,%d)\\bord0\\shad0\\1c&H%s&\\p1}"):format(x, y, colour)
    return style .. ("m 0 0 l %d 0 %d %d 0 %d{\\p0}"):format(width, width, height, height)
end

-- One box for each run of equal cells. `at` is 0..1, the playhead.
function overlay.bar(cells, at, width, y)
    local boxes, from = {}, 1
    while from <= #cells do
        local kind = cells:sub(from, from)
        local to = (cells:find("[^%" .. kind .. "]", from) or #cells + 1) - 1
        local left = math.floor(MARGIN + (from - 1) * width / #cells)
        local right = math.floor(MARGIN + to * width / #cells)
        boxes[#boxes + 1] = box(left, y, right - left, BAR_HEIGHT, colours[kind] or colours["."])
        from = to + 1
    end
    if at then
        boxes[#boxes + 1] = box(math.floor(MARGIN + at * width) - 1, y - 4, 3, BAR_HEIGHT + 8,
            "FFFFFF")
    end
    return boxes
end

-- ---- on the screen ---------------------------------------------------------------------------

local function draw(status, cached, at)
    local width = 720 * (mp.get_property_number("osd-width", 0) > 0
        and mp.get_property_number "osd-width" / mp.get_property_number "osd-height" or 16 / 9)
    local text = table.concat(overlay.lines(status, cached), "\\N")
    local events = { ("{\\an7\\pos(%d,%d)\\fs%d\\bord1.5}%s"):format(MARGIN, MARGIN,
        settings.font_size, text) }
    if status.cells and status.cells ~= "" then
        local y = MARGIN + math.floor(settings.font_size * 4)
        for _, each in ipairs(overlay.bar(status.cells, at, width - 2 * MARGIN, y)) do
            events[#events + 1] = each
        end
    end
    osd = osd or mp.create_osd_overlay "ass-events"
    osd.res_x, osd.res_y, osd.data = width, 720, table.concat(events, "\n")
    osd:update()
end

local function is_visible()
    return pinned or settings.overlay and next(shown) ~= nil
end

-- A reason to be seen: "opening", "starved".
function overlay.want(reason, is)
    shown[reason] = is or nil
end

function overlay.update(status, cached, at)
    if is_visible() then
        draw(status, cached, at)
    else
        overlay.hide()
    end
end

function overlay.hide()
    if osd then
        osd:remove()
        osd = nil
    end
end

function overlay.toggle()
    pinned = not pinned
    return pinned
end

return overlay
