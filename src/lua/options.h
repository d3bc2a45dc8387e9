/* options: a table of named settings becomes a C struct, by rows of one table: name, kind and
 * place. A key that has no row raises, with the nearest name that has. */
#ifndef MARE_OPTIONS_H
#define MARE_OPTIONS_H

#include "lua/compat.h"

enum option_kind {
    OPTION_STRING,  /* const char *: belongs to the Lua table */
    OPTION_BOOLEAN, /* bool */
    OPTION_INTEGER, /* int; -1 is `false` */
    OPTION_COUNT,   /* uint64_t */
    OPTION_NUMBER,  /* double, 0 or more */
    OPTION_RATE,    /* uint64_t: bytes per second */
    OPTION_LIMIT,   /* uint32_t: math.huge is UINT32_MAX */
    OPTION_WORD,    /* int: the place in a list of words, divided by '|' */
    OPTION_FLAG,    /* bool: like OPTION_WORD with two words */
    OPTION_TABLE, /* these two are only checked: their reader takes them from the table */
    OPTION_FUNCTION,
    OPTION_ANY /* its reader checks it */
};

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *words;
};

/* Reads the table at `i` (nil or none: nothing is set) into *out; `of` is what complaints call it:
 * "mare.session". The list ends with a NULL name. */
void options_read(lua_State *L, int i, const char *of, const struct option *list,
                  void *out);

#endif
