/* dht_state: what a node remembers from one run to the next: its ids, its addresses, and some
 * nodes to begin with.
 *
 *     d 2:id 20:..  3:id6 20:..  2:ip 6:..  3:ip6 18:..  5:nodes 26 * n:..  6:nodes6 38 * n:.. e
 *
 * What is read was written by us, or by somebody else: it is a hint. The nodes are asked before
 * they count, and an id that does not fit the address that is there with it is not taken. */
#include <string.h>

#include "codec/bencode.h"
#include "proto/dht_id.h"
#include "proto/dht_private.h"

static void add_compact(struct text *t, const char *key, const struct addr *ip) {
    uint8_t compact[18];
    if (!ip->family)
        return;
    bencode_adds(t, key);
    bencode_add_string(t, compact, addr_to_compact(ip, compact));
}

static void add_id(struct text *t, const char *key, const struct dht_side *side) {
    bencode_adds(t, key);
    bencode_add_string(t, side->table.own, KRPC_ID);
}

/* Those closest to us are the ones we have looked for; of the far ones each bucket has some. */
static void add_nodes(struct text *t, const char *key, const struct dht_side *side,
                      usec now) {
    struct krpc_node nodes[DHT_SEEDS];
    uint8_t compact[DHT_SEEDS * KRPC_NODE6];
    size_t len = 0;
    uint32_t n =
        dht_table_closest(&side->table, side->table.own, nodes, DHT_SEEDS, false, now);
    for (uint32_t i = 0; i < n; i++)
        len += krpc_put_node(compact + len, &nodes[i]);
    bencode_adds(t, key);
    bencode_add_string(t, compact, len);
}

void dht_save(const struct dht *d, struct text *out, usec now) {
    text_addc(out, 'd');
    add_id(out, "id", &d->sides[0]);
    add_id(out, "id6", &d->sides[1]);
    add_compact(out, "ip", &d->sides[0].vote.winner);
    add_compact(out, "ip6", &d->sides[1].vote.winner);
    add_nodes(out, "nodes", &d->sides[0], now);
    add_nodes(out, "nodes6", &d->sides[1], now);
    text_addc(out, 'e');
}

static struct span get(struct bnode root, const char *key) {
    struct span s = {NULL, 0};
    (void)bencode_string(bencode_get(root, key), &s);
    return s;
}

static void load_self(struct dht_side *side, struct span id, struct span ip) {
    struct addr a = {0};
    if (ip.len == (side->family == 6 ? 18 : 6))
        (void)addr_from_compact(&a, ip.data, ip.len);
    a.port = 0;
    if (id.len != KRPC_ID || (a.family && !dht_id_fits(id.data, &a)))
        return;
    memcpy(side->table.own, id.data, KRPC_ID);
    if (a.family == side->family && addr_kind(&a) == ADDR_GLOBAL)
        side->vote.winner = a;
}

static void load_nodes(struct dht_side *side, struct span nodes) {
    struct dht_seed seed = {.named = true, .tries = DHT_SEED_TRIES - 1};
    while (side->seed_count < DHT_SEEDS &&
           krpc_next_node(&nodes, side->family, &seed.node)) {
        if (seed.node.addr.family == side->family && addr_usable(&seed.node.addr))
            dht_seed_add(side, &seed);
    }
}

int dht_load(struct dht *d, const uint8_t *data, size_t len) {
    struct bencode doc;
    int rc = bencode_parse(&doc, data, len, NULL);
    if (rc < 0)
        return rc == ERR_NOMEM ? rc : ERR_FORMAT;
    struct bnode root = bencode_root(&doc);
    if (bencode_type(root) != BENCODE_DICT || d->sides[0].table.count ||
        d->sides[1].table.count) {
        bencode_free(&doc);
        return ERR_FORMAT;
    }
    load_self(&d->sides[0], get(root, "id"), get(root, "ip"));
    load_self(&d->sides[1], get(root, "id6"), get(root, "ip6"));
    load_nodes(&d->sides[0], get(root, "nodes"));
    load_nodes(&d->sides[1], get(root, "nodes6"));
    bencode_free(&doc);
    d->due = INT64_MIN;
    return 0;
}
