# mare: how it is built, and the one place that knows.
#
#   make            the Lua module (build/lib/mare/core.so) and the command (build/mare)
#   make help       every target, one line each
#
# The C sources are found, not listed: src/LAYER/*.c becomes build/VARIANT/src/LAYER/*.o.
# A variant is a way to compile all of them; only this differs from one to the next:
#
#   release     what users get; its products lie in build/ itself
#   check       AddressSanitizer and UBSan, for `make check`
#   fuzz        clang, libFuzzer and both sanitizers, for `make fuzz`
#   lint-gcc, lint-clang    warnings as errors, the second without asserts, for `make lint`
#
# `make VARIANT=check all` builds one by hand. A target that needs another variant, or packages
# that may have to be installed first, calls make again: what it needs is then true when that
# make reads this file.
#
# Libraries are found by pkg-config. Lua is there for its headers alone: the module finds the
# functions in whatever program loads it, and linking a second Lua into it would be a disaster.
#
# Variables for packagers: CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR LUADIR LIBDIR BINDIR
# LUA_INCDIR. Variables for us: VARIANT WERROR (-Werror or nothing) V (1 shows the commands)
# SPECS (what `make test` runs) FUZZ_SECONDS.

VARIANT ?= release
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LUADIR ?= $(PREFIX)/share/lua/5.4
LIBDIR ?= $(PREFIX)/lib/lua/5.4
BINDIR ?= $(PREFIX)/bin
FUZZ_SECONDS ?= 30

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
           -fno-omit-frame-pointer
flags.check = -O1 $(SANITIZE)
# A module that stays mapped to the end, so that a leak of it has names.
link.check = -Wl,-z,nodelete
flags.fuzz = -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
flags.lint-clang = -DNDEBUG

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(WERROR)
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc $(CPPFLAGS) \
          -fPIC -fvisibility=hidden $(WARNINGS) $(CFLAGS) $(flags.$(VARIANT)) -MMD -MP

# pkg-config is asked once, and not before the first compiler runs (by then it is installed):
# the first use replaces the variable by its own value.
PACKAGES = libuv libcurl libcrypto libmicrohttpd
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)
# Port mapping is optional: what the preprocessor finds is built in. (libnatpmp has no .pc file.)
has_header = $(shell printf '\043include <%s>\n' '$(1)' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
HAS_UPNP = $(eval HAS_UPNP := $$(call has_header,miniupnpc/miniupnpc.h))$(HAS_UPNP)
HAS_NATPMP = $(eval HAS_NATPMP := $$(call has_header,natpmp.h))$(HAS_NATPMP)
PORTMAP_CFLAGS = $(if $(HAS_UPNP),-DMARE_HAVE_UPNP) $(if $(HAS_NATPMP),-DMARE_HAVE_NATPMP)
PORTMAP_LIBS = $(if $(HAS_UPNP),-lminiupnpc) $(if $(HAS_NATPMP),-lnatpmp)
LUA_CFLAGS = $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(FOUND_LUA))
FOUND_LUA = $(eval FOUND_LUA := $$(shell pkg-config --cflags $(LUA_NAME)))$(FOUND_LUA)
LUA_NAME = $(shell for name in lua5.4 lua-5.4 lua54 lua; do \
             pkg-config --exists $$name && echo $$name && break; done)

OUT = build/obj/$(VARIANT)
PRODUCTS = $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))
MODULE = $(PRODUCTS)/lib/mare/core.so
UNIT = $(PRODUCTS)/tests/unit

object = $(patsubst %.c,$(OUT)/%.o,$(wildcard $(1)))
LUA_OBJECTS = $(call object,src/lua/*.c)
ENGINE_OBJECTS = $(filter-out $(LUA_OBJECTS),$(call object,src/*/*.c))
INTERPRETER = $(OUT)/tests/support/interpreter.o
UNIT_OBJECTS = $(filter-out $(INTERPRETER),$(call object,tests/unit/*/*.c tests/support/*.c))
FUZZ_OBJECTS = $(call object,tests/fuzz/*_fuzz.c)
BENCH_OBJECTS = $(call object,tests/bench/*.c)
BENCHES = $(patsubst $(OUT)/%.o,$(PRODUCTS)/%,$(BENCH_OBJECTS))
FUZZERS = $(patsubst $(OUT)/tests/fuzz/%.o,$(PRODUCTS)/%,$(FUZZ_OBJECTS))
LUA_FILES = $(shell find lua/mare -name '*.lua' -o -path 'lua/mare/web/*' -type f)
MPV_FILES = $(wildcard lua/mpv/mare/*.lua)

Q = $(if $(filter 1,$(V)),,@)
AGAIN = +@$(MAKE) --no-print-directory $(if $(Q),-s)
NEEDS = @tests/support/install_deps.sh

.PHONY: all help objects fuzzers benches demo test check fuzz bench bench-peers bench-policy bench-magnet \
        bench-mpv \
        bench-stream \
        lint install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(MODULE) build/mare

help:
	@echo 'make                   build the Lua module and the command, build/mare'
	@echo 'make demo              a tracker, seeders and a download on loopback, from one script'
	@echo 'make test              unit tests, Lua specs, real peers (SPECS="tests/lua": only those)'
	@echo 'make check             unit tests and Lua specs under AddressSanitizer and UBSan'
	@echo 'make fuzz              every parser against libFuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make bench             what it costs, against the floor (BENCH_MIB=256 BENCH_REPS=3 BENCH_ONLY=..)'
	@echo 'make bench-peers       the same against the other clients that are installed'
	@echo 'make bench-magnet      from a link to its metadata, through a DHT of 100 nodes (BENCH_REPS=10)'
	@echo 'make bench-stream      first frame and seeks in mpv, shaped swarms, webtorrent and peerflix (BENCH_REPS=3)'
	@echo 'make bench-mpv         what a viewer waits for: a word, the end, a seek out of a stall (MPV_RUNS=20)'
	@echo 'make bench-policy      what scripted policies cost, how fast swarms are simulated (POLICY_MIB=512)'
	@echo 'make lint              formatting, Lua, layers, warnings of two compilers, symbols'
	@echo 'make install           to PREFIX=$(PREFIX), below DESTDIR if that is set'
	@echo 'make uninstall         removes what install put there'
	@echo 'make clean             removes build/'
	@echo 'make build/tests/unit  the C unit tests alone; run it with a pattern to select some'

# ---- compiling ------------------------------------------------------------------------------

$(MODULE): $(ENGINE_OBJECTS) $(LUA_OBJECTS)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CFLAGS) $(flags.$(VARIANT)) $(link.$(VARIANT)) $(LDFLAGS) -shared -o $@ $^ \
	    $(PKG_LIBS) $(PORTMAP_LIBS) -lpthread

$(UNIT): $(ENGINE_OBJECTS) $(UNIT_OBJECTS)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CFLAGS) $(flags.$(VARIANT)) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(PORTMAP_LIBS) -lpthread

# The interpreter that `make check` runs the specs with.
$(PRODUCTS)/lua: $(INTERPRETER)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CFLAGS) $(flags.$(VARIANT)) $(LDFLAGS) -o $@ $^ \
	    $$(pkg-config --libs $(LUA_NAME))

# What the benchmarks measure below the engine, and what they load it with.
$(PRODUCTS)/tests/bench/%: $(OUT)/tests/bench/%.o \
        $(call object,src/base/*.c src/codec/*.c src/proto/*.c src/swarm/*.c)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CFLAGS) $(flags.$(VARIANT)) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(PORTMAP_LIBS) -lpthread

$(PRODUCTS)/%_fuzz: $(OUT)/tests/fuzz/%_fuzz.o $(ENGINE_OBJECTS)
	@mkdir -p $(@D)
	@echo '  link  $@'
	$(Q)$(CC) $(CFLAGS) $(flags.$(VARIANT)) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ \
	    $(PKG_LIBS) $(PORTMAP_LIBS) -lpthread

$(OUT)/src/lua/%.o: src/lua/%.c Makefile | build/.packages
	@mkdir -p $(@D)
	@echo '  cc    $<'
	$(Q)$(COMPILE) $(LUA_CFLAGS) -c -o $@ $<

$(OUT)/src/%.o: src/%.c Makefile | build/.packages
	@mkdir -p $(@D)
	@echo '  cc    $<'
	$(Q)$(COMPILE) $(PKG_CFLAGS) $(PORTMAP_CFLAGS) -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c Makefile | build/.packages
	@mkdir -p $(@D)
	@echo '  cc    $<'
	$(Q)$(COMPILE) -Itests $(PKG_CFLAGS) $(LUA_CFLAGS) -c -o $@ $<

build/mare: lua/mare/cli/launch
	@mkdir -p $(@D)
	$(Q)install -m 755 $< $@

# Compilers, headers and libraries: looked for once in the life of build/.
build/.packages:
	$(NEEDS) build
	@mkdir -p build && touch $@

-include $(wildcard $(OUT)/src/*/*.d $(OUT)/tests/*/*.d $(OUT)/tests/*/*/*.d)

objects: $(ENGINE_OBJECTS) $(LUA_OBJECTS) $(UNIT_OBJECTS) $(INTERPRETER) $(FUZZ_OBJECTS) \
         $(BENCH_OBJECTS)
fuzzers: $(FUZZERS)
benches: $(BENCHES)

# ---- trying and testing ---------------------------------------------------------------------

demo: all
	$(NEEDS) lua demo
	@. tests/support/paths.sh && exec lua5.4 examples/demo.lua

test:
	$(NEEDS) build lua specs peers
	$(AGAIN) all build/tests/unit
	@tests/support/run_tests.sh build \
	    $(or $(SPECS),tests/unit tests/lua tests/swarm tests/interop tests/regress)

check:
	$(NEEDS) build lua specs
	$(AGAIN) all
	$(AGAIN) VARIANT=check build/check/lib/mare/core.so build/check/tests/unit build/check/lua
	@tests/support/run_tests.sh build/check $(or $(SPECS),tests/unit tests/lua tests/swarm)

fuzz:
	$(NEEDS) build fuzz
	$(AGAIN) VARIANT=fuzz CC=clang fuzzers
	@tests/support/run_fuzz.sh build/fuzz $(FUZZ_SECONDS)

# Options are environment variables: tests/bench/README.md.
bench bench-peers:
	$(NEEDS) build lua bench
	$(AGAIN) all benches
	@. tests/support/paths.sh && exec python3 -B tests/bench/run.py $@

bench-policy: all
	$(NEEDS) lua
	@. tests/support/paths.sh && exec lua5.4 tests/bench/policy.lua

# The two from npm are left out where there is no npm, or it reaches nobody.
bench-stream:
	$(NEEDS) build lua bench peers
	$(AGAIN) all benches
	@tests/bench/install_streamers.sh build/bench/node
	@. tests/support/paths.sh && exec python3 -B tests/bench/stream.py

bench-mpv: all
	$(NEEDS) lua specs peers
	@. tests/support/paths.sh && exec lua5.4 tests/bench/mpv_latency.lua

bench-magnet: all
	$(NEEDS) lua bench peers
	@. tests/support/paths.sh && exec python3 -B tests/bench/magnet.py

lint:
	$(NEEDS) build lua lint
	clang-format --dry-run -Werror $$(find src tests -name '*.[ch]')
	luacheck --quiet .
	lua5.4 tests/support/layers.lua
	$(AGAIN) VARIANT=lint-gcc CC=gcc WERROR=-Werror objects
	$(AGAIN) VARIANT=lint-clang CC=clang WERROR=-Werror objects
	$(AGAIN) build/lib/mare/core.so
	tests/support/symbols.sh build/lib/mare/core.so

# ---- installing -----------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(LIBDIR)/mare $(DESTDIR)$(BINDIR)
	install -m 755 build/lib/mare/core.so $(DESTDIR)$(LIBDIR)/mare/core.so
	@set -e; for file in $(LUA_FILES); do \
	    to=$(DESTDIR)$(LUADIR)/$${file#lua/}; \
	    echo "install -m 644 $$file $$to"; \
	    install -d $${to%/*}; \
	    install -m 644 $$file $$to; \
	done
	install -d $(DESTDIR)$(LUADIR)/mare/mpv
	install -m 644 $(MPV_FILES) $(DESTDIR)$(LUADIR)/mare/mpv
	install -m 755 build/mare $(DESTDIR)$(BINDIR)/mare

uninstall:
	rm -rf $(DESTDIR)$(LUADIR)/mare $(DESTDIR)$(LIBDIR)/mare $(DESTDIR)$(BINDIR)/mare

clean:
	rm -rf build
