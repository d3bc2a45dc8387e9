-- `mare` for support.command: build/mare looks for a Lua of its own, specs say which one it is.
os.exit(require "mare.cli"(arg), true)
