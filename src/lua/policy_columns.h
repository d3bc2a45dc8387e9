/* policy_columns: the rows of policies (swarm/policy.h) as lists of JSON, and back. One table per
 * kind of row names its members and their kinds; writing and reading both go by it, so a member
 * that is added there is recorded and replayed.
 *
 *     [4294967297,"127.0.0.1:6881",1,"aria2 1.37", ..]      times in microseconds, null = never
 *
 * A recording begins with the names of its columns. A reader looks them up: what it does not know is
 * passed over, what the recording lacks is as if it did not apply. */
#ifndef MARE_LUA_POLICY_COLUMNS_H
#define MARE_LUA_POLICY_COLUMNS_H

#include "base/bytes.h"
#include "lua/compat.h"
#include "swarm/policy.h"

enum row_kind { ROW_PEER, ROW_PIECE, ROW_CANDIDATE, ROW_KINDS };

/* What its rows are. */
enum row_kind row_kind_of(enum policy_question q);
const char *row_kind_name(enum row_kind kind); /* "peer", .. */
size_t row_size(enum row_kind kind);

/* ["peer","address",..] */
void columns_add_names(struct text *out, enum row_kind kind);
/* One row; without its brackets. */
void columns_add_row(struct text *out, enum row_kind kind, const void *row);
/* A number as JSON has them, infinite ones as +-1e999. */
void columns_add_number(struct text *out, double n);

#define COLUMNS_MAX 64
/* The columns of a recording: which of ours each is, or -1. */
struct column_map {
    int count;
    signed char ours[COLUMNS_MAX];
};

/* From the list of names at the top, which is popped. Raises on anything else. */
void columns_read_names(lua_State *L, enum row_kind kind, struct column_map *map);
/* The list at the top (not popped) into `row`. Strings stay those of the list, and what is made
 * besides (bitsets) goes into the table at index `keep`: both are to outlive the row. Raises a
 * sentence that names the column. */
void columns_read_row(lua_State *L, enum row_kind kind, const struct column_map *map,
                      void *row, int keep);
/* Whole numbers from Lua: 0 .. 2^63 - 1. */
uint64_t columns_read_count(lua_State *L, int i, const char *what);

#endif
