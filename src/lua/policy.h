/* policy: Lua functions as judges of the six questions (swarm/policy.h).
 *
 *     session.policy.unchoke = f       policy.c        who has which function; `policy` objects
 *     hooks->ask(rows)                 policy_call.c   one protected call: budget, traceback,
 *                                                      verdicts, strikes
 *     peer.download_rate (in f)        peer, piece, candidate: properties read from the rows
 *     peer:ban() (in f)                policy_queue.c  is written down, and done after the step
 *     session:record(path)             record.c        rounds as lines, for mare.replay
 *
 * A bridge belongs to one `struct session_box`: a session's, or that of a simulated swarm, which
 * has the same env (object.h) and no session. Convention: the userdata that holds the box lies at
 * index 1 of the C function that drives the swarm (policy_drive). Nothing here knows the engine. */
#ifndef MARE_LUA_POLICY_H
#define MARE_LUA_POLICY_H

#include "lua/compat.h"
#include "lua/record.h"
#include "swarm/policy.h"

/* Instructions that a round may take: enough for any judgement, too few to be felt. */
#define POLICY_BUDGET 1000000
#define POLICY_BUDGET_ROW 5000
#define POLICY_MEMORY (32 << 20) /* bytes that it may add to what Lua has */
#define POLICY_STRIKES 3 /* failed rounds in a row: then the function is switched off */

/* The functions of one torrent (or of all: torrent 0), which lie in env.policies[torrent]. */
struct policy_set {
    handle torrent;
    uint8_t has; /* a bit for each question that has a function */
    uint8_t strikes[POLICY_QUESTIONS];
};

struct policy_counts {
    uint64_t rounds, calls, nsec, fallbacks;
};

struct policy_bridge {
    lua_State *L;                    /* who drives the swarm now; NULL: nobody is asked */
    const struct policy_ask *asking; /* the round that is under way, or NULL */
    uint64_t round;                  /* its number: rows of other rounds are gone */
    struct policy_set *set;
    uint32_t sets, cap;
    struct policy_counts counts[POLICY_QUESTIONS];
    struct record *record; /* who writes it all down, or NULL: then all is asked */
    /* For the recorder: what the swarm knows of the torrent. False: nothing. May be NULL. */
    bool (*tell)(struct policy_bridge *b, handle torrent, struct policy_self *self,
                 struct policy_terms *terms);
    /* Something went wrong: `text` is a sentence and perhaps a traceback. May be NULL. Does not
     * touch Lua. */
    void (*report)(struct policy_bridge *b, handle torrent, const char *text);
    /* The torrent (0: all) has another function for this question. The same. */
    void (*changed)(struct policy_bridge *b, handle torrent, enum policy_question q);
};

extern const struct policy_hooks policy_bridge_hooks; /* owner: the bridge */

/* From the finalizer of what holds it. */
void policy_bridge_fini(lua_State *L, struct policy_bridge *b);
/* Before the swarm is driven by a function called from L, and NULL after it. Returns what it was. */
lua_State *policy_drive(struct policy_bridge *b, lua_State *L);
static inline bool policy_is_asking(const struct policy_bridge *b) {
    return b->asking != NULL;
}

/* `near`: stack index of the userdata or of any box of it. Raises. */
void policy_push(lua_State *L, int near, handle torrent); /* the object with six fields */
/* The function at `value`, or nil to reset; raises on anything else. */
void policy_assign(lua_State *L, int near, handle torrent, enum policy_question q,
                   int value);
/* All six from the table at `value`; nil resets all. */
void policy_assign_all(lua_State *L, int near, handle torrent, int value);
/* The torrent is gone: so are its functions. */
void policy_forget(lua_State *L, int near, handle torrent);
/* { admit = { rounds, calls, seconds, fallbacks }, .. } */
void policy_push_stats(lua_State *L, const struct policy_bridge *b);

/* Inside a round: pushes what stands for the torrent that asks where there is no session (a
 * simulator), a table with some of a torrent's properties; false, and nothing, otherwise. */
bool policy_push_self(lua_State *L, int near, const struct policy_bridge *b);
/* The state is closed in the middle of a round (os.exit(0, true)), which nobody will end. */
void policy_abandon_rounds(lua_State *L);
/* limited(f, ...): true, results; or false, message with traceback; with the budget of a round. */
int policy_limited(lua_State *L);

/* Actions asked for inside a round. */
/* From an action's C function: writes it down with its arguments (1 = the object), if a round is
 * under way in the object's swarm. True: return policy_queued(L). */
bool policy_queue(lua_State *L, const struct policy_bridge *b, const char *name);
int policy_queued(lua_State *L); /* pushes true, "queued" */
/* object[name] = value at 3, inside a round. */
void policy_queue_set(lua_State *L);
/* After the step: does what was asked for, in order, each protected. */
void policy_perform(lua_State *L, int near, struct policy_bridge *b);
/* For a simulator, which does it in its own way: pushes the list of { object, name, arguments ..,
 * n = count, set = true if a property }, or nil when nothing was asked for. */
void policy_take_actions(lua_State *L, int near);

#endif
