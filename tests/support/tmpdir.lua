-- tmpdir: a folder that lives as long as the test (process.cleanup removes it).
local process = require "support.process"
local uv = require "luv"

return function()
    local dir = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/mare-XXXXXX"))
    assert(uv.fs_chmod(dir, 493)) -- 0755: programs that give up root must get in, too
    process.defer(function() os.execute("rm -rf '" .. dir .. "'") end)
    return dir
end
