-- busted's command line, whichever Lua its script was installed for: lua5.4 runs this.
require "busted.runner" { standalone = false }
