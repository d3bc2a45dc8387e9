#include "lua/record_session.h"

#include "engine/session.h"
#include "engine/torrent.h"
#include "lua/object.h"
#include "lua/value.h"

#include <time.h>

static struct session_box *check_box(lua_State *L) {
    return luaL_checkudata(L, 1, session_class.metatable);
}

/* Questions with nobody to answer are put from now on, or no more: as if all had a new judge. */
static void note_change(struct policy_bridge *b) {
    for (int q = 0; q < POLICY_QUESTIONS; q++)
        if (b->changed)
            b->changed(b, 0, (enum policy_question)q);
}

static usec now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (usec)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

int session_recording(lua_State *L) {
    struct session_box *box = check_box(L);
    bool on = lua_toboolean(L, 2);
    struct record *r = on ? record_new(now()) : NULL;
    if (!box->session || (on && !r)) {
        record_free(r);
        return box->session ? push_failure_code(L, ERR_NOMEM, "no memory to record")
                            : push_failure_code(L, ERR_CLOSED, session_class.gone);
    }
    record_free(box->policy.record);
    box->policy.record = r;
    note_change(&box->policy);
    lua_pushboolean(L, 1);
    return 1;
}

int session_recorded(lua_State *L) {
    struct session_box *box = check_box(L);
    if (box->policy.record)
        record_push(L, box->policy.record);
    else
        lua_pushnil(L);
    return 1;
}

static double share(uint64_t part, uint64_t whole) {
    return whole ? (double)part / (double)whole : 1;
}

bool record_tell(struct policy_bridge *b, handle torrent, struct policy_self *self,
                 struct policy_terms *terms) {
    struct session *s = CONTAINER_OF(b, struct session_box, policy)->session;
    const struct torrent *t = s ? session_torrent(s, torrent) : NULL;
    if (!t)
        return false;
    uint64_t wanted = torrent_bytes_wanted(t);
    *self = (struct policy_self){
        .done = t->state == TORRENT_FINISHED || t->state == TORRENT_SEEDING,
        .progress = t->meta ? share(wanted - torrent_bytes_left(t), wanted) : 0,
        .downloaded = t->downloaded,
        .uploaded = t->uploaded,
        .connected = t->ready_count,
        .done_for = USEC_NEVER,
    };
    terms->done = self->done;
    terms->slots = t->slots ? t->slots : s->settings.slots;
    terms->piece_length = t->meta ? t->meta->piece_length : 0;
    return true;
}
