/* record: what policies are asked and what is answered, as lines of JSON. A recorder hangs on a
 * policy bridge (policy.h): every round of every question passes it, whoever answers; with nobody to
 * answer, rows are made for the recorder's sake alone, and the built-in decides as ever.
 *
 *     {"mare_record":1,"version":"..","peer":["peer","address",..],"piece":[..],"candidate":[..]}
 *     {"at":12345678,"ask":"unchoke","torrent":1,"by":"policy","slots":8,"piece_length":16384,
 *      "self":{..},"rows":[[..],..],"said":[1.5,null,false]}
 *     {"lost":3}
 *
 * One line is one round. `at` and all other times are microseconds; `by` is "policy", "builtin", or
 * "failed" (the policy was asked in vain, the built-in decided). `rows` are as the first line names their
 * columns (policy_columns.h); pieces have two entries more: [first file from 0, files] and up to
 * RECORD_HOLDERS peers that have it. `for` is the peer that pieces are for, or the piece that peers
 * are for. `said` has a score, null (the built-in's own) or false (never) for each row.
 *
 * Nothing is written here: lines wait in a bounded buffer, which lua/mare/record.lua empties after
 * each step. What finds no place in it is counted, and the count is a line of its own. */
#ifndef MARE_LUA_RECORD_H
#define MARE_LUA_RECORD_H

#include "lua/compat.h"
#include "lua/policy_columns.h"
#include "swarm/policy_order.h"

#define RECORD_VERSION 1
#define RECORD_BUFFER (8u << 20)
#define RECORD_HOLDERS 16u
#define RECORD_ROWS POLICY_ORDER_MAX /* of a round; those beyond are left out */

struct record;

struct record *record_new(usec now); /* NULL: no memory */
void record_free(struct record *r);  /* or of NULL */
/* What the rows do not tell of the torrent that asks. `self` may be NULL. */
struct record_terms {
    const struct policy_self *self;
    struct policy_terms terms;
};
/* `by` as above; the verdicts are read if it is "policy". */
void record_round(struct record *r, const struct policy_ask *ask, const char *by,
                  const struct record_terms *terms, usec now);
/* Pushes the lines since the last time, perhaps "". */
void record_push(lua_State *L, struct record *r);

#endif
