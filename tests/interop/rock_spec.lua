-- The rock: what luarocks makes of a clean tree is a module that loads and a command that runs,
-- and neither needs anything of the checkout it was built from.
local function run(format, ...)
    local pipe <close> = assert(io.popen(format:format(...) .. " 2>&1; echo \"\n$?\""))
    local output, status = pipe:read("a"):match "^(.-)\n?\n(%d+)\n$"
    return output, tonumber(status)
end

local function must(format, ...)
    local output, status = run(format, ...)
    assert(status == 0, output)
    return output
end

describe("the rock", function()
    local dir, tree
    -- An environment without the paths of this checkout: no LUA_PATH, and the caller's HOME
    -- hidden, where an older rock might live.
    local clean = "cd / && env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 -u LUA_PATH -u LUA_CPATH"
        .. " -u LD_PRELOAD -u MAKEFLAGS -u MAKELEVEL HOME=%s "

    local function outside(format, ...)
        return clean:format(dir) .. format:format(...)
    end

    lazy_setup(function()
        dir = must "mktemp -d"
        tree = dir .. "/tree"
        must("mkdir %s/source && git ls-files -z | xargs -0 cp --parents -t %s/source", dir, dir)
        must(
            "%s",
            outside(
                "sh -c 'cd %s/source && luarocks --lua-version=5.4 --tree=%s make"
                    .. " rockspec/mare-scm-1.rockspec'",
                dir,
                tree
            )
        )
        must("rm -rf %s/source", dir)
    end)

    lazy_teardown(function()
        must("rm -rf %s", dir)
    end)

    it("gives a module", function()
        local paths =
            must("%s", outside("luarocks --lua-version=5.4 --tree=%s path --no-bin", tree))
        local script = [[print(type(require "mare".session))]]
        local output = must("%s", outside("sh -c 'eval \"$1\"; lua5.4 -e \"$2\"' sh '%s' '%s'",
            paths:gsub("'", "'\\''"), script))
        assert.equal("function", output)
    end)

    it("gives a command", function()
        assert.matches("^mare ", must("%s", outside("%s/bin/mare --version", tree)))
    end)

    it("installs the Lua side whole", function()
        local function modules(top)
            return must("cd %s && find mare -name '*.lua' ! -path 'mare/mpv/*' | sort", top)
        end
        local installed = tree .. "/share/lua/5.4"
        assert.equal(modules "lua", modules(installed))
        assert.equal(must "ls lua/mpv/mare", must("ls %s/mare/mpv", installed))
    end)

    it("installs nothing outside its tree", function()
        assert.equal("", must("find %s -mindepth 1 -maxdepth 1 ! -name tree ! -name .cache", dir))
    end)
end)
