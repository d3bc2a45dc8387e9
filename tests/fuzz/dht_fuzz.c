/* Any course of events in a node's life: packets of anybody, answers to its own questions, time,
 * searches, files. The input is a list of events:
 *
 *     [what : 1][which : 1][length : 2][bytes]
 *
 * In an answer "TTTT" stands for the transaction id of a question that was really asked. */
#include <stdlib.h>
#include <string.h>

#include "codec/krpc.h"
#include "proto/dht.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ASKED 16

struct world {
    struct dht *dht;
    usec now;
    struct {
        struct addr to;
        uint8_t tid[4];
    } asked[ASKED];
    uint32_t asked_count;
    uint64_t sent;
};

static void require(bool ok) {
    if (!ok)
        abort();
}

static void on_send(void *owner, const struct addr *to, const void *data, size_t len) {
    struct world *w = owner;
    struct krpc m;
    require(len <= 1472 && to->port && krpc_parse(&m, data, len) == 0);
    w->sent += len + 28;
    if (m.type != KRPC_QUERY)
        return;
    require(m.tid.len == 4);
    w->asked[w->asked_count % ASKED].to = *to;
    memcpy(w->asked[w->asked_count++ % ASKED].tid, m.tid.data, 4);
}

static void on_peers(void *owner, uint64_t cookie, const uint8_t hash[20],
                     const struct addr *peers, uint32_t count) {
    (void)owner, (void)cookie, (void)hash;
    for (uint32_t i = 0; i < count; i++)
        require(peers[i].port && addr_kind(&peers[i]) != ADDR_MULTICAST);
}

static struct addr address(uint8_t which) {
    static const char *const texts[] = {
        "5.6.7.8:1",       "6.6.7.8:1", "127.0.0.1:5", "[2001:db8::1]:1",
        "[2001:db9::1]:1", "5.6.7.9:1", "10.0.0.1:1",  "0.0.0.0:1"};
    struct addr a;
    require(addr_parse(&a, texts[which % COUNT_OF(texts)], -1) == 0);
    return a;
}

static void answer(struct world *w, uint8_t which, const uint8_t *data, size_t len) {
    static uint8_t copy[KRPC_MAX_PACKET + 64];
    if (!w->asked_count || len > sizeof copy)
        return;
    uint32_t i = which % (w->asked_count < ASKED ? w->asked_count : ASKED);
    memcpy(copy, data, len);
    uint8_t *at = memmem(copy, len, "TTTT", 4);
    if (at)
        memcpy(at, w->asked[i].tid, 4);
    (void)dht_on_packet(w->dht, &w->asked[i].to, copy, len, w->now);
}

static void add(struct world *w, uint8_t which, const uint8_t *data, size_t len) {
    struct addr a = address(which);
    if (len >= 6)
        (void)addr_from_compact(&a, data, 6);
    if (which % 2)
        dht_add_node(w->dht, &a);
    else
        dht_add_router(w->dht, &a);
}

static void event(struct world *w, uint8_t what, uint8_t which, const uint8_t *data,
                  size_t len) {
    uint8_t hash[20] = {which};
    struct addr a = address(which);
    int rc = 0;
    switch (what % 7) {
    case 0: (void)dht_on_packet(w->dht, &a, data, len, w->now); break;
    case 1: answer(w, which, data, len); break;
    case 2: w->now += which * USEC_PER_SEC / 2; break;
    case 3: rc = dht_get_peers(w->dht, hash, which, which, which, w->now); break;
    case 4: dht_cancel(w->dht, which); break;
    case 5: add(w, which, data, len); break;
    case 6: rc = dht_load(w->dht, data, len); break;
    }
    require(rc == 0 || rc == ERR_BUSY || rc == ERR_FORMAT);
    usec due = dht_tick(w->dht, w->now);
    require(due > w->now && due < w->now + 400 * USEC_PER_SEC);
    require(dht_check(w->dht));
}

static void save(struct world *w) {
    struct text t;
    text_init(&t);
    dht_save(w->dht, &t, w->now);
    require(!t.failed && t.len < 10000);
    text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct dht_hooks hooks = {on_send, on_peers, NULL, NULL};
    struct dht_settings s = {.ip4 = true, .ip6 = true, .seed = 1, .secret = "secret"};
    struct world w = {.now = USEC_PER_SEC};
    struct dht_stats stats;
    w.dht = dht_new(&s, &hooks, &w, w.now);
    require(w.dht);
    for (size_t i = 0; i + 4 <= size;) {
        size_t len = (size_t)(data[i + 2] << 8 | data[i + 3]);
        len = len < size - i - 4 ? len : size - i - 4;
        event(&w, data[i], data[i + 1], data + i + 4, len);
        i += 4 + len;
    }
    save(&w);
    dht_stats(w.dht, &stats, w.now);
    require(stats.memory < 16000000);
    require(w.sent <= 32768 + 4096 + (uint64_t)(w.now / USEC_PER_SEC + 1) * 8000);
    dht_free(w.dht);
    return 0;
}
