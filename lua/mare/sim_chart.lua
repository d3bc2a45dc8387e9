-- sim_chart: the result of a simulated swarm (mare.sim) as a table, as a plot for the terminal, and
-- as an SVG picture. Nothing is counted here but positions on paper.

local chart = {}

local function clock(seconds)
    if not seconds then
        return "-"
    elseif seconds < 600 then
        return ("%.1f s"):format(seconds)
    elseif seconds < 36000 then
        return ("%.0f min"):format(seconds / 60)
    end
    return ("%.1f h"):format(seconds / 3600)
end

local function size(bytes)
    local units = { "B", "kB", "MB", "GB", "TB" }
    local i = 1
    while bytes >= 1000 and i < #units do
        bytes, i = bytes / 1000, i + 1
    end
    return ("%.3g %s"):format(bytes, units[i])
end

local function number(n)
    return n and ("%.2f"):format(n) or "-"
end

-- ---- the table -------------------------------------------------------------------------------

local columns = {
    { "peers", function(g) return ("%d"):format(g.peers) end },
    { "finished", function(g) return ("%d"):format(g.finished) end },
    { "median", function(g) return clock(g.median) end },
    { "p95", function(g) return clock(g.p95) end },
    { "up", function(g) return size(g.uploaded) end },
    { "down", function(g) return size(g.downloaded) end },
    { "up/down", function(g) return number(g.ratio) end },
    { "fairness", function(g) return number(g.fairness) end },
}

local function group_row(group)
    local row = { group.name }
    for _, column in ipairs(columns) do
        row[#row + 1] = column[2](group)
    end
    return row
end

local function rows_of(result)
    local head = { "policy" }
    for _, column in ipairs(columns) do
        head[#head + 1] = column[1]
    end
    local rows = { head }
    for _, group in ipairs(result.groups) do
        rows[#rows + 1] = group_row(group)
    end
    if #result.groups > 1 then
        rows[#rows + 1] = group_row(result.all)
    end
    return rows
end

-- The first column to the left, numbers to the right.
local function align(rows)
    local width, lines = {}, {}
    for _, row in ipairs(rows) do
        for i, cell in ipairs(row) do
            width[i] = math.max(width[i] or 0, #cell)
        end
    end
    for _, row in ipairs(rows) do
        local cells = { row[1] .. (" "):rep(width[1] - #row[1]) }
        for i = 2, #row do
            cells[i] = (" "):rep(width[i] - #row[i]) .. row[i]
        end
        lines[#lines + 1] = table.concat(cells, "  ")
    end
    return table.concat(lines, "\n")
end

function chart.table(result)
    local last = ("%s in %s of virtual time, %.0f %% of the uplinks used"):format(
        size(result.moved), clock(result.seconds), 100 * result.utilisation)
    if result.stalled then
        last = last .. "; it stalled: nobody had what was missing"
    end
    return align(rows_of(result)) .. "\n" .. last
end

-- ---- curves ----------------------------------------------------------------------------------

local function end_of(result)
    return math.max(result.seconds, 1)
end

-- When the peers of a group finished, as { time, share of the group } steps.
local function completions(result, group)
    local times, points = {}, {}
    for _, peer in ipairs(result.peers) do
        if peer.group == group.name and peer.seconds then
            times[#times + 1] = peer.finished
        end
    end
    table.sort(times)
    for i, time in ipairs(times) do
        points[i] = { time, i / group.peers }
    end
    return points
end

local function series(result, field, scale)
    local points = {}
    for i, sample in ipairs(result.series) do
        points[i] = { sample.time, sample[field] * (scale or 1) }
    end
    return points
end

-- What can be drawn: name -> its curves { name, points, steps }.
local views = {}

function views.finished(result)
    local curves = {}
    for _, group in ipairs(result.groups) do
        if group.peers > 0 then
            curves[#curves + 1] = {
                name = group.name, points = completions(result, group), steps = true,
            }
        end
    end
    return curves, "finished"
end

function views.upload(result)
    return { { name = "uplinks used", points = series(result, "upload_use") } }, "uplinks used"
end

function views.diversity(result)
    return { { name = "evenness of pieces", points = series(result, "diversity") } },
        "evenness of pieces"
end

-- The value of a curve at a time: that of the last point before it.
local function value_at(points, time)
    local low, high = 0, #points
    while low < high do
        local middle = (low + high + 1) // 2
        if points[middle][1] <= time then
            low = middle
        else
            high = middle - 1
        end
    end
    return low > 0 and points[low][2] or 0
end

-- ---- the terminal ----------------------------------------------------------------------------

local marks = { "*", "o", "+", "x", "#", "@" }

local function draw(grid, curve, mark, width, height, last)
    for x = 1, width do
        local value = value_at(curve.points, last * x / width)
        local y = math.max(0, math.min(height, math.floor(value * height + 0.5)))
        if value > 0 then
            grid[y][x] = mark
        end
    end
end

local function empty_grid(width, height)
    local grid = {}
    for y = 0, height do
        grid[y] = {}
        for x = 1, width do
            grid[y][x] = " "
        end
    end
    return grid
end

-- options: what = "finished" | "upload" | "diversity", width, height (columns and lines).
function chart.plot(result, options)
    options = options or {}
    local view = views[options.what or "finished"]
    if not view then
        error("plot: what is 'finished', 'upload' or 'diversity', not '"
            .. tostring(options.what) .. "'", 3)
    end
    local width, height = options.width or 60, options.height or 12
    local curves, title = view(result)
    local grid, lines, last = empty_grid(width, height), { title }, end_of(result)
    for i, curve in ipairs(curves) do
        draw(grid, curve, marks[(i - 1) % #marks + 1], width, height, last)
    end
    for y = height, 0, -1 do
        local label = y % 3 == 0 and ("%3.0f %%"):format(100 * y / height) or "     "
        lines[#lines + 1] = (label .. " |" .. table.concat(grid[y])):gsub("%s+$", "")
    end
    local right = clock(last)
    lines[#lines + 1] = "      +" .. ("-"):rep(width)
    lines[#lines + 1] = "       0" .. (" "):rep(width - 1 - #right) .. right
    for i, curve in ipairs(curves) do
        lines[#lines + 1] = ("       %s %s"):format(marks[(i - 1) % #marks + 1], curve.name)
    end
    return table.concat(lines, "\n")
end

-- ---- SVG -------------------------------------------------------------------------------------

local colours = { "#3465a4", "#cc0000", "#4e9a06", "#f57900", "#75507b", "#555753" }
local WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 200, 60, 40, 70

local function escape(text)
    local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
    return (text:gsub("[&<>\"]", entities))
end

local function text(x, y, anchor, words)
    return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>')
        :format(x, y, anchor, escape(words))
end

local function path_of(curve, last, top)
    local parts, x, y = {}, LEFT, top + HEIGHT
    for i, point in ipairs(curve.points) do
        local next_x = LEFT + WIDTH * point[1] / last
        local next_y = top + HEIGHT * (1 - math.max(0, math.min(1, point[2])))
        if curve.steps then
            parts[#parts + 1] = i == 1 and ("M%.1f %.1fH%.1fV%.1f"):format(x, y, next_x, next_y)
                or ("H%.1fV%.1f"):format(next_x, next_y)
        else
            parts[#parts + 1] = ("%s%.1f %.1f"):format(i == 1 and "M" or "L", next_x, next_y)
        end
    end
    return table.concat(parts)
end

local function panel(out, curves, title, last, top)
    local bottom = top + HEIGHT
    out[#out + 1] = text(LEFT, top - 10, "start", title)
    for i = 0, 4 do
        local y = bottom - HEIGHT * i / 4
        out[#out + 1] = ('<path d="M%d %.1fh%d" stroke="#ddd"/>'):format(LEFT, y, WIDTH)
        out[#out + 1] = text(LEFT - 8, y + 4, "end", ("%d %%"):format(25 * i))
        out[#out + 1] = text(LEFT + WIDTH * i / 4, bottom + 18, "middle", clock(last * i / 4))
    end
    for i, curve in ipairs(curves) do
        local colour = colours[(i - 1) % #colours + 1]
        out[#out + 1] = ('<path d="%s" stroke="%s" stroke-width="2" fill="none"/>'):format(
            path_of(curve, last, top), colour)
        out[#out + 1] = ('<g fill="%s">%s</g>'):format(colour,
            text(LEFT + WIDTH + 10, top + 18 * i, "start", curve.name))
    end
end

-- The three views one below the other.
function chart.svg(result)
    local last, out = end_of(result), {}
    for i, name in ipairs { "finished", "upload", "diversity" } do
        local curves, title = views[name](result)
        panel(out, curves, title, last, TOP + (i - 1) * (HEIGHT + GAP))
    end
    local template = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        .. 'font-family="sans-serif" font-size="12">\n'
        .. '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n'
    return template:format(LEFT + WIDTH + 170, TOP + 3 * (HEIGHT + GAP) - 20,
        table.concat(out, "\n"))
end

return chart
