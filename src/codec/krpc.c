/* krpc: DHT messages (BEP 5).
 *
 *     d 1:a d 2:id 20:.. 9:info_hash 20:.. e  1:q 9:get_peers  1:t 4:....  1:y 1:q e
 *     d 2:ip 6:..  1:r d 2:id 20:.. 5:nodes 208:.. 5:token 8:.. 6:values l 6:.. 6:.. e e
 *                                                              1:t 4:....  1:y 1:r e
 *     d 1:e l i203e 9:bad token e                              1:t 4:....  1:y 1:e e
 *
 * The parser checks what every user of a message relies on (an id has 20 bytes, a query has the
 * arguments of its method) and no more: whether an address makes sense is for whoever uses it.
 * The writer knows the sorted order of all keys, so a message is written in one pass. */
#include "codec/krpc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/bencode.h"

static const char *const method_names[] = {
    [KRPC_PING] = "ping",
    [KRPC_FIND_NODE] = "find_node",
    [KRPC_GET_PEERS] = "get_peers",
    [KRPC_ANNOUNCE_PEER] = "announce_peer",
};

const char *krpc_method_name(enum krpc_method method) {
    return method < KRPC_OTHER ? method_names[method] : "?";
}

/* -- reading --------------------------------------------------------------------------- */

static struct span get_string(struct bnode dict, const char *key) {
    struct span s = {NULL, 0};
    (void)bencode_string(bencode_get(dict, key), &s);
    return s;
}

static struct span get_bounded(struct bnode dict, const char *key, size_t max) {
    struct span s = get_string(dict, key);
    return s.len <= max ? s : (struct span){NULL, 0};
}

static struct span get_exactly(struct bnode dict, const char *key, size_t len) {
    struct span s = get_string(dict, key);
    return s.len == len ? s : (struct span){NULL, 0};
}

static bool get_flag(struct bnode dict, const char *key) {
    int64_t v;
    return bencode_int(bencode_get(dict, key), &v) && v == 1;
}

static bool span_is(struct span s, const char *text) {
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static unsigned read_want(struct bnode list) {
    unsigned want = 0;
    struct span s;
    if (bencode_type(list) != BENCODE_LIST)
        return 0;
    for (struct bnode n = bencode_first(list); n.doc; n = bencode_next(n)) {
        if (!bencode_string(n, &s))
            continue;
        want |= span_is(s, "n4") ? KRPC_WANT4 : 0u;
        want |= span_is(s, "n6") ? KRPC_WANT6 : 0u;
    }
    return want;
}

static enum krpc_method read_method(struct span name) {
    enum krpc_method m = KRPC_PING;
    while (m < KRPC_OTHER && !span_is(name, method_names[m]))
        m++;
    return m;
}

/* Of a method that we do not know either may be the target: it is answered as if it was asked
 * for nodes, which lets the network carry what is newer than we are. */
static const uint8_t *read_target(enum krpc_method method, struct bnode args) {
    const uint8_t *id = get_exactly(args, "target", KRPC_ID).data;
    const uint8_t *hash = get_exactly(args, "info_hash", KRPC_ID).data;
    switch (method) {
    case KRPC_FIND_NODE: return id;
    case KRPC_GET_PEERS:
    case KRPC_ANNOUNCE_PEER: return hash;
    case KRPC_OTHER: return id ? id : hash;
    default: return NULL;
    }
}

static int read_announce(struct krpc *m, struct bnode args) {
    int64_t port = 0;
    m->implied_port = get_flag(args, "implied_port");
    m->seed = get_flag(args, "seed");
    m->token = get_bounded(args, "token", KRPC_MAX_TOKEN);
    if (bencode_int(bencode_get(args, "port"), &port) && port > 0 && port <= UINT16_MAX)
        m->port = (uint16_t)port;
    return m->token.len && (m->port || m->implied_port) ? 0 : ERR_PROTOCOL;
}

static int read_query(struct krpc *m, struct bnode root) {
    struct bnode args = bencode_get(root, "a");
    m->method = read_method(get_string(root, "q"));
    m->read_only = get_flag(root, "ro");
    m->id = get_exactly(args, "id", KRPC_ID).data;
    m->target = read_target(m->method, args);
    m->want = read_want(bencode_get(args, "want"));
    m->noseed = get_flag(args, "noseed");
    m->scrape = get_flag(args, "scrape");
    if (!m->id)
        return ERR_PROTOCOL;
    if (m->method == KRPC_ANNOUNCE_PEER && read_announce(m, args) < 0)
        return ERR_PROTOCOL;
    bool needs = m->method != KRPC_PING && m->method != KRPC_OTHER;
    return needs && !m->target ? ERR_PROTOCOL : 0;
}

/* The inside of the list, if it holds nothing but strings. */
static struct span read_values(struct bnode list) {
    struct span raw = bencode_raw(list);
    if (bencode_type(list) != BENCODE_LIST)
        return (struct span){NULL, 0};
    for (struct bnode n = bencode_first(list); n.doc; n = bencode_next(n))
        if (bencode_type(n) != BENCODE_STRING)
            return (struct span){NULL, 0};
    return (struct span){raw.data + 1, raw.len - 2};
}

static int read_reply(struct krpc *m, struct bnode root) {
    struct bnode r = bencode_get(root, "r");
    m->id = get_exactly(r, "id", KRPC_ID).data;
    m->token = get_bounded(r, "token", KRPC_MAX_TOKEN);
    m->nodes = get_string(r, "nodes");
    m->nodes6 = get_string(r, "nodes6");
    m->values = read_values(bencode_get(r, "values"));
    m->seeds = get_exactly(r, "BFsd", KRPC_BLOOM);
    m->peers = get_exactly(r, "BFpe", KRPC_BLOOM);
    return m->id ? 0 : ERR_FORMAT;
}

static int read_error(struct krpc *m, struct bnode root) {
    struct bnode code = bencode_first(bencode_get(root, "e"));
    (void)bencode_int(code, &m->code);
    (void)bencode_string(bencode_next(code), &m->message);
    return 0;
}

static int read_message(struct krpc *m, struct bnode root) {
    struct span type = get_string(root, "y");
    m->tid = get_bounded(root, "t", KRPC_MAX_TID);
    m->version = get_string(root, "v");
    struct span ip = get_string(root, "ip"); /* some leave the port away */
    (void)addr_from_compact(&m->ip, ip.data, ip.len);
    if (!m->tid.len || type.len != 1)
        return ERR_FORMAT;
    switch (type.data[0]) {
    case 'q': m->type = KRPC_QUERY; return read_query(m, root);
    case 'r': m->type = KRPC_REPLY; return read_reply(m, root);
    case 'e': m->type = KRPC_ERROR; return read_error(m, root);
    default: return ERR_FORMAT;
    }
}

int krpc_parse(struct krpc *m, const uint8_t *data, size_t len) {
    struct bencode doc;
    *m = (struct krpc){0};
    if (len > KRPC_MAX_PACKET)
        return ERR_LIMIT;
    int rc = bencode_parse(&doc, data, len, NULL);
    if (rc < 0)
        return rc;
    rc = read_message(m, bencode_root(&doc));
    bencode_free(&doc);
    return rc;
}

/* -- contacts and peers ---------------------------------------------------------------- */

bool krpc_next_node(struct span *rest, int family, struct krpc_node *out) {
    size_t size = family == 6 ? KRPC_NODE6 : KRPC_NODE4;
    if (rest->len < size)
        return false;
    memcpy(out->id, rest->data, KRPC_ID);
    (void)addr_from_compact(&out->addr, rest->data + KRPC_ID, size - KRPC_ID);
    rest->data += size;
    rest->len -= size;
    return true;
}

/* The text of the string that `rest` begins with; the parser has seen that it is whole. */
static struct span take_string(struct span *rest) {
    struct span s = {NULL, 0};
    const uint8_t *p = rest->data;
    for (; *p != ':'; p++)
        s.len = s.len * 10 + (size_t)(*p - '0');
    s.data = p + 1;
    rest->len -= (size_t)(s.data - rest->data) + s.len;
    rest->data = s.data + s.len;
    return s;
}

bool krpc_next_value(struct span *rest, struct addr *out) {
    while (rest->len) {
        struct span s = take_string(rest);
        if (s.len == 6 || s.len == 18)
            return addr_from_compact(out, s.data, s.len);
    }
    return false;
}

size_t krpc_put_node(uint8_t out[KRPC_NODE6], const struct krpc_node *n) {
    memcpy(out, n->id, KRPC_ID);
    return KRPC_ID + addr_to_compact(&n->addr, out + KRPC_ID);
}

size_t krpc_put_value(uint8_t out[21], const struct addr *peer) {
    size_t prefix = peer->family == 6 ? 3 : 2;
    memcpy(out, peer->family == 6 ? "18:" : "6:", prefix);
    return prefix + addr_to_compact(peer, out + prefix);
}

/* -- writing --------------------------------------------------------------------------- */

/* What does not fit is not written, and remembered. */
struct writer {
    uint8_t *at;
    size_t room;
    bool full;
};

static void put(struct writer *w, const void *data, size_t len) {
    if (len > w->room || w->full) {
        w->full = true;
        return;
    }
    if (len)
        memcpy(w->at, data, len);
    w->at += len;
    w->room -= len;
}

static void put_text(struct writer *w, const char *text) {
    put(w, text, strlen(text));
}

static void put_string(struct writer *w, const void *data, size_t len) {
    char prefix[24];
    snprintf(prefix, sizeof prefix, "%zu:", len);
    put_text(w, prefix);
    put(w, data, len);
}

static void put_int(struct writer *w, int64_t v) {
    char text[32];
    snprintf(text, sizeof text, "i%llde", (long long)v);
    put_text(w, text);
}

/* `key` comes with its length before it, as it goes out: "2:id". */
static void put_field(struct writer *w, const char *key, struct span value) {
    if (!value.len)
        return;
    put_text(w, key);
    put_string(w, value.data, value.len);
}

static void put_id(struct writer *w, const char *key, const uint8_t *id) {
    put_field(w, key, (struct span){id, id ? KRPC_ID : 0});
}

static void put_number(struct writer *w, const char *key, int64_t v) {
    if (!v)
        return;
    put_text(w, key);
    put_int(w, v);
}

static void put_want(struct writer *w, unsigned want) {
    if (!want)
        return;
    put_text(w, "4:wantl");
    put_text(w, want & KRPC_WANT4 ? "2:n4" : "");
    put_text(w, want & KRPC_WANT6 ? "2:n6" : "");
    put_text(w, "e");
}

static void put_query(struct writer *w, const struct krpc *m) {
    bool by_id = m->method == KRPC_FIND_NODE;
    put_text(w, "1:ad");
    put_id(w, "2:id", m->id);
    put_number(w, "12:implied_port", m->implied_port);
    put_id(w, "9:info_hash", by_id ? NULL : m->target);
    put_number(w, "6:noseed", m->noseed);
    put_number(w, "4:port", m->port);
    put_number(w, "6:scrape", m->scrape);
    put_number(w, "4:seed", m->seed);
    put_id(w, "6:target", by_id ? m->target : NULL);
    put_field(w, "5:token", m->token);
    put_want(w, m->want);
    put_text(w, "e");
}

static void put_reply(struct writer *w, const struct krpc *m) {
    put_text(w, "1:rd");
    put_field(w, "4:BFpe", m->peers);
    put_field(w, "4:BFsd", m->seeds);
    put_id(w, "2:id", m->id);
    put_field(w, "5:nodes", m->nodes);
    put_field(w, "6:nodes6", m->nodes6);
    put_field(w, "5:token", m->token);
    if (m->values.len) {
        put_text(w, "6:valuesl");
        put(w, m->values.data, m->values.len);
        put_text(w, "e");
    }
    put_text(w, "e");
}

static void put_error(struct writer *w, const struct krpc *m) {
    put_text(w, "1:el");
    put_int(w, m->code);
    put_string(w, m->message.data, m->message.len);
    put_text(w, "e");
}

/* Keys in order: a, e, ip, q, r, ro, t, v, y. */
static void put_message(struct writer *w, const struct krpc *m) {
    static const char *const types[] = {"1:y1:q", "1:y1:r", "1:y1:e"};
    const char *name = krpc_method_name(m->method);
    uint8_t ip[18];
    put_text(w, "d");
    if (m->type == KRPC_QUERY)
        put_query(w, m);
    if (m->type == KRPC_ERROR)
        put_error(w, m);
    if (m->ip.family)
        put_field(w, "2:ip", (struct span){ip, addr_to_compact(&m->ip, ip)});
    if (m->type == KRPC_QUERY)
        put_field(w, "1:q", (struct span){(const uint8_t *)name, strlen(name)});
    if (m->type == KRPC_REPLY)
        put_reply(w, m);
    put_number(w, "2:ro", m->type == KRPC_QUERY && m->read_only);
    put_field(w, "1:t", m->tid);
    put_field(w, "1:v", m->version);
    put_text(w, types[m->type]);
    put_text(w, "e");
}

int krpc_write(uint8_t *out, size_t room, const struct krpc *m) {
    struct writer w = {out, room, false};
    assert(m->tid.len);
    put_message(&w, m);
    return w.full ? ERR_LIMIT : (int)(w.at - out);
}
