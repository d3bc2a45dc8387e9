-- cache: where the command keeps what may be lost, and how a path is said to a shell.

local cache = {}

function cache.folder()
    local base, home = os.getenv "XDG_CACHE_HOME", os.getenv "HOME"
    if base and base:sub(1, 1) == "/" then
        return base .. "/mare"
    elseif home and home ~= "" then
        return home .. "/.cache/mare"
    end
    return (os.getenv "TMPDIR" or "/tmp") .. "/mare"
end

function cache.quote(path)
    return "'" .. path:gsub("'", "'\\''") .. "'"
end

return cache
