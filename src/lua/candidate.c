/* candidate: an address that one may or may not be connected to, as policies see it. It is a row and
 * nothing else: outside of the call that it was made for it is gone. */
#include "lua/object.h"
#include "lua/value.h"

void candidate_push_row(lua_State *L, int near, const struct policy_bridge *b,
                        uint32_t i) {
    box_push(L, near, &candidate_class,
             &(struct box){.torrent = b->asking->torrent, .index = i});
    struct box *box = lua_touserdata(L, -1);
    box->row = i, box->round = b->round;
}

#define GET(name, push)                                            \
    static void get_##name(lua_State *L, const struct target *t) { \
        const struct candidate_row *row = t->candidate_row;        \
        push;                                                      \
    }

GET(address, push_address_text(L, &row->addr))
GET(ip, push_ip_text(L, &row->addr))
GET(port, lua_pushinteger(L, row->addr.port))
GET(source, lua_pushstring(L, source_name(row->sources)))
GET(incoming, lua_pushboolean(L, row->incoming))
GET(upload_only, lua_pushboolean(L, row->upload_only))
GET(failures, lua_pushinteger(L, (lua_Integer)row->failures))
GET(last_tried, push_span(L, row->last_tried))
GET(last_seen, push_span(L, row->last_seen))
GET(priority, compat_pushcount(L, row->priority))

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"torrent", object_get_torrent, NULL, true},
    {"address", get_address, NULL, false},
    {"ip", get_ip, NULL, false},
    {"port", get_port, NULL, false},
    {"source", get_source, NULL, false},
    {"incoming", get_incoming, NULL, false},
    {"upload_only", get_upload_only, NULL, false},
    {"failures", get_failures, NULL, false},
    {"last_tried", get_last_tried, NULL, false},
    {"last_seen", get_last_seen, NULL, false},
    {"priority", get_priority, NULL, false},
    {NULL, NULL, NULL, false},
};

static const luaL_Reg methods[] = {{NULL, NULL}};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    if (!box_has_row(b) || !b->owner->policy.asking->candidates)
        return false;
    t->candidate_row = &b->owner->policy.asking->candidates[b->row];
    return true;
}

const struct class candidate_class = {
    .name = "candidate",
    .metatable = "mare.candidate.1",
    .gone = "candidate is good only inside the policy call that it was made for",
    .properties = properties,
    .methods = methods,
    .resolve = resolve,
    .describe = get_address,
};
