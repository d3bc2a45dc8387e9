/* object: what session, torrent, file, peer and piece have in common as Lua values.
 *
 *     session userdata ---user value---> env { session, boxes (weak), kept, attached, .. }
 *     box userdata ------user value------^        any number of boxes share it
 *
 * A box is a handle and an index, never a pointer into the engine: each use looks its object up
 * again, so one that died raises "peer is closed" and nothing dangles. The env keeps the session
 * alive as long as any of its boxes is. Everything a script hangs on the session (handlers, `.data`,
 * coroutines) lies in the env, not in the registry, so a session that its own callbacks
 * refer to can still be collected.
 *
 *     boxes     key -> box, weak: the same object is the same Lua value
 *     attached  box -> { data = .., handlers = .. }, weak keys
 *     kept      box -> true: what has attachments stays as long as its engine object lives
 *     policies  torrent (0: the session) -> { unchoke = function, .. }
 *     queued    what policies asked for in this step
 *     state     the Lua side's own table (lua/mare)
 *
 * A class is a table of properties and a list of methods; __index looks a name up once and either
 * gives the method or calls the property's function. */
#ifndef MARE_OBJECT_H
#define MARE_OBJECT_H

#include "engine/events.h"
#include "lua/compat.h"
#include "lua/policy.h"

struct session;
struct torrent;
struct peer;
struct reader;

/* The session's userdata. Created with session == NULL, then filled. A simulated swarm's userdata
 * begins with one, too: its session stays NULL, and its peers live in the rows of policy calls. */
struct session_box {
    struct session *session; /* NULL: closed */
    struct policy_bridge policy;
    struct event event; /* the one that is being turned into Lua values */
    bool has_event;
    bool dispatching; /* handlers are being called: no step now */
};

struct box {
    struct session_box *owner; /* alive: the env that we refer to keeps it */
    handle torrent, peer;      /* 0 = does not apply */
    handle reader;
    uint32_t index; /* of a file, piece or candidate */
    uint32_t row;   /* its place among the rows .. */
    uint64_t round; /* .. of this policy round */
};

/* The engine objects behind a box, looked up just now. */
struct target {
    struct session *session;
    struct torrent *torrent;
    struct peer *peer;
    struct reader *reader;
    uint32_t index;
    /* In a policy call: the snapshot that properties read. */
    const struct peer_row *peer_row;
    const struct piece_row *piece_row;
    const struct candidate_row *candidate_row;
    const struct policy_lore *lore;
    bool
        alive; /* false: only `session` may be there, and properties with `always` are asked */
};

struct property {
    const char *name;
    void (*get)(lua_State *L, const struct target *t);            /* pushes one value */
    void (*set)(lua_State *L, const struct target *t, int value); /* NULL: read only */
    bool always; /* may be asked of a dead object, too */
};

struct class {
    const char *name; /* "peer" */
    const char
        *metatable;   /* "mare.peer.1": the number changes with the shape of the box */
    const char *gone; /* "peer is closed" */
    const struct property *properties; /* ends with a NULL name */
    const luaL_Reg *methods; /* they act: inside a policy call they wait until after it */
    const luaL_Reg *queries; /* they only tell, at any time; may be NULL */
    const luaL_Reg *metamethods; /* beyond __index, __newindex, __tostring; may be NULL */
    bool (*resolve)(const void *box, struct target *t); /* false: it is dead */
    bool is_swarm; /* its userdata is a struct session_box, not a struct box */
    void (*describe)(lua_State *L,
                     const struct target *t); /* pushes tostring's inner part */
};

/* The Lua value is always at index 1 when these functions are called. */
extern const struct class session_class, torrent_class, file_class, peer_class,
    piece_class, reader_class, view_class, candidate_class, policy_class;

/* Looks the engine object of a box up; false, and t->alive too, when it is dead. */
bool class_resolve(const struct class *c, const void *box, struct target *t);
/* Creates the metatable if there is none yet. Leaves the stack as it was. */
void class_register(lua_State *L, const struct class *c);
/* Pushes the table of methods that __index looks into: the Lua side adds its own. */
void class_push_methods(lua_State *L, const struct class *c);
/* Pushes { methods = {names}, properties = {names}, writable = {names} }. */
void class_push_members(lua_State *L, const struct class *c);

/* The object at `arg`; raises when it is another type or dead. */
void target_check(lua_State *L, int arg, const struct class *c, struct target *t);

/* Pushes the one box of an object. `near` is the stack index of the session or of any box of it,
 * whose env is shared. */
void box_push(lua_State *L, int near, const struct class *c, const struct box *b);
void torrent_push(lua_State *L, int near, handle torrent);
void file_push(lua_State *L, int near, handle torrent, uint32_t file);
void piece_push(lua_State *L, int near, handle torrent, uint32_t piece);
void peer_push(lua_State *L, int near, const struct peer *p);
void reader_push(lua_State *L, int near, const struct reader *r);
/* A value of its own for each: views are not interned. The view is held once more. */
void view_push(lua_State *L, int near, const struct view *v);
void session_push(lua_State *L, int near);
/* Pushes the object of a row of the round that is asked, number i. */
void peer_push_row(lua_State *L, int near, const struct policy_bridge *b, uint32_t i);
void piece_push_row(lua_State *L, int near, const struct policy_bridge *b, uint32_t i);
void candidate_push_row(lua_State *L, int near, const struct policy_bridge *b,
                        uint32_t i);
/* Is the box one of the rows that are asked about now? */
static inline bool box_has_row(const struct box *b) {
    return b->owner->policy.asking && b->round == b->owner->policy.round;
}
/* Pushes an env's field: "state", ... */
void env_push(lua_State *L, int near, const char *field);

/* Gives the object at `arg` its table of attachments and pushes it; nil when there is none and
 * `create` is false. A living object is kept from now on. */
void box_push_attached(lua_State *L, int arg, bool alive, bool create);
/* The object died: its box lives as long as the script holds it. */
void box_release(lua_State *L, int arg);
/* Releases all whose object is dead (after events were lost). */
void box_sweep(lua_State *L, int near);
/* The env of a new session's userdata at `session`. */
void env_create(lua_State *L, int session);

/* Shared members. */
int object_attached(
    lua_State *L); /* method _attached([create]) of torrents, peers and sessions */
#define OBJECT_DATA \
    { "data", object_get_data, object_set_data, true }
void object_get_data(lua_State *L, const struct target *t);
void object_set_data(lua_State *L, const struct target *t, int value);
void object_get_alive(lua_State *L, const struct target *t);
void object_get_session(lua_State *L, const struct target *t);
void object_get_torrent(lua_State *L, const struct target *t);

#endif
