/* Any bytes as a DHT message; what was understood is written and must be understood again. */
#include <stdlib.h>
#include <string.h>

#include "codec/krpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void same(struct span a, struct span b) {
    require(a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
}

static void inside(struct span s, const uint8_t *data, size_t size) {
    require(s.len == 0 || (s.data >= data && s.data + s.len <= data + size));
}

static void walk(const struct krpc *m) {
    struct span nodes = m->nodes, nodes6 = m->nodes6, values = m->values;
    struct krpc_node n;
    struct addr a;
    while (krpc_next_node(&nodes, 4, &n))
        require(n.addr.family == 4);
    while (krpc_next_node(&nodes6, 6, &n))
        require(n.addr.family == 4 || n.addr.family == 6);
    while (krpc_next_value(&values, &a))
        require(a.family == 4 || a.family == 6);
    require(values.len == 0);
}

/* The packet may have been shorter than what we make of it: keys without value, `ip` cut. */
static void again(const struct krpc *m) {
    static uint8_t out[2 * KRPC_MAX_PACKET];
    struct krpc back;
    int len = krpc_write(out, sizeof out, m);
    require(len > 0);
    int rc = krpc_parse(&back, out, (size_t)len);
    if (rc == ERR_LIMIT)
        return;
    require(rc == 0 && back.type == m->type && back.method == m->method);
    same(back.tid, m->tid);
    same(back.token, m->token);
    same(back.nodes, m->nodes);
    same(back.values, m->values);
    require(addr_equal(&back.ip, &m->ip) && back.port == m->port && back.want == m->want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct krpc m;
    int rc = krpc_parse(&m, data, size);
    if (rc < 0 && rc != ERR_PROTOCOL)
        return 0;
    require(m.tid.len > 0 && m.tid.len <= KRPC_MAX_TID);
    inside(m.tid, data, size);
    inside(m.nodes, data, size);
    inside(m.values, data, size);
    walk(&m);
    /* "?" is no method's name, and an error has a message or none: these do not come back. */
    if (rc == 0 && m.method != KRPC_OTHER)
        again(&m);
    return 0;
}
