/* dht: where packets and time come in. A packet passes four gates before it may cost anything:
 * a possible sender, one who is not being ignored, bytes that are a message, and, for what
 * we have not asked for, a sender who sends little. */
#include "proto/dht.h"

#include <stdlib.h>
#include <string.h>

#include "proto/dht_id.h"
#include "proto/dht_private.h"

#define SWEEP (60 * USEC_PER_SEC) /* how often old peers are looked for */

static void side_init(struct dht *d, struct dht_side *side, int family, bool on,
                      usec now) {
    uint8_t id[KRPC_ID];
    side->family = family;
    side->on = on;
    side->bootstrap_at = side->upkeep_at = side->probe_at = now;
    dht_id_make(id, &side->vote.winner, &d->rng);
    dht_table_init(&side->table, id);
}

struct dht *dht_new(const struct dht_settings *s, const struct dht_hooks *hooks,
                    void *owner, usec now) {
    struct dht *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    uint32_t rate = s->upload_limit ? s->upload_limit : DHT_UPLOAD_RATE;
    d->settings = *s;
    d->hooks = hooks;
    d->owner = owner;
    rng_seed(&d->rng, s->seed);
    dht_tokens_init(&d->tokens, s->secret);
    dht_store_init(&d->store, get_u64(s->secret));
    if (dht_limits_init(&d->limits, get_u64(s->secret + 8), rate, now) < 0) {
        free(d);
        return NULL;
    }
    side_init(d, &d->sides[0], 4, s->ip4, now);
    side_init(d, &d->sides[1], 6, s->ip6, now);
    dht_questions_init(d);
    list_init(&d->searches);
    d->due = now;
    d->sweep_at = now + SWEEP;
    return d;
}

void dht_free(struct dht *d) {
    if (!d)
        return;
    dht_searches_free(d);
    dht_table_fini(&d->sides[0].table);
    dht_table_fini(&d->sides[1].table);
    dht_store_fini(&d->store);
    dht_limits_fini(&d->limits);
    free(d);
}

/* Everything that leaves goes through here: counted in one place. */
void dht_send(struct dht *d, const struct addr *to, struct krpc *m) {
    static const uint8_t none[4] = {0};
    uint8_t packet[2048];
    m->id = dht_side_of(d, to->family)->table.own;
    if (memcmp(d->settings.version, none, sizeof none))
        m->version = (struct span){d->settings.version, sizeof d->settings.version};
    int len = krpc_write(packet, sizeof packet, m);
    if (len < 0)
        return;
    dht_limits_note_sent(&d->limits, (size_t)len);
    d->packets_out++;
    d->bytes_out += (size_t)len;
    d->hooks->send(d->owner, to, packet, (size_t)len);
}

/* -- packets --------------------------------------------------------------------------- */

static void dispatch(struct dht *d, const struct krpc *m, int rc, const struct addr *from,
                     usec now) {
    if (rc == 0 && m->type == KRPC_QUERY)
        dht_on_query(d, m, from, now);
    else if (rc == 0)
        dht_on_answer(d, m, from, now);
    else if (rc == ERR_PROTOCOL)
        dht_on_bad_query(d, m, from, now);
}

static void read_packet(struct dht *d, const struct addr *from, const uint8_t *data,
                        size_t len, usec now) {
    struct krpc m;
    d->packets_in++;
    d->bytes_in += len;
    if (dht_limits_is_silenced(&d->limits, from, now)) {
        d->limited++;
        return;
    }
    int rc = krpc_parse(&m, data, len);
    if (rc == ERR_FORMAT || rc == ERR_LIMIT) {
        d->malformed++;
        (void)dht_limits_admit(&d->limits, from, now);
    }
    dispatch(d, &m, rc, from, now);
}

usec dht_on_packet(struct dht *d, const struct addr *from, const uint8_t *data,
                   size_t len, usec now) {
    bool ours = from->family && dht_side_of(d, from->family)->on;
    if (ours && addr_usable(from) && len)
        read_packet(d, from, data, len, now);
    return dht_tick(d, now);
}

/* -- time ------------------------------------------------------------------------------ */

static void sweep(struct dht *d, usec now) {
    if (now < d->sweep_at)
        return;
    d->sweep_at = now + SWEEP;
    dht_store_sweep(&d->store, now);
}

static usec next_due(struct dht *d, usec now) {
    usec due = MIN(d->sweep_at, dht_searches_due(d, now));
    for (int i = 0; i < 2; i++)
        due = MIN(due, dht_upkeep_due(&d->sides[i]));
    if (!list_empty(&d->asked))
        due = MIN(due, LIST_ITEM(d->asked.next, struct dht_question, link)->sent_at +
                           DHT_TIMEOUT);
    return MAX(due, now + 1);
}

/* A hook may have called for more meanwhile: then `due` is long past already. */
usec dht_tick(struct dht *d, usec now) {
    d->due = USEC_NEVER;
    dht_questions_expire(d, now);
    for (int i = 0; i < 2; i++)
        dht_upkeep_pulse(d, &d->sides[i], now);
    dht_searches_pulse(d, now);
    sweep(d, now);
    d->due = MIN(d->due, next_due(d, now));
    return d->due;
}

usec dht_due(const struct dht *d) {
    return d->due;
}

/* -- what others want to know ---------------------------------------------------------- */

static bool side_add(struct dht *d, const struct addr *a, struct dht_side **side) {
    if (!addr_usable(a) || !dht_side_of(d, a->family)->on)
        return false;
    *side = dht_side_of(d, a->family);
    d->due = INT64_MIN;
    return true;
}

void dht_add_node(struct dht *d, const struct addr *a) {
    struct dht_seed seed = {.node = {.addr = *a}};
    struct dht_side *side;
    if (!side_add(d, a, &side))
        return;
    dht_seed_add(side, &seed);
    dht_searches_note_node(d, a, NULL);
}

void dht_add_router(struct dht *d, const struct addr *a) {
    struct dht_side *side;
    if (!side_add(d, a, &side) || dht_is_router(side, a))
        return;
    if (side->router_count == DHT_ROUTERS)
        memmove(side->routers, side->routers + 1,
                --side->router_count * sizeof *side->routers);
    side->routers[side->router_count++] = *a;
    dht_searches_note_node(d, a, NULL);
}

static void side_stats(const struct dht_side *side, struct dht_side_stats *out,
                       usec now) {
    out->on = side->on;
    out->ready = side->ready;
    memcpy(out->id, side->table.own, KRPC_ID);
    out->nodes = dht_table_size(&side->table);
    out->good = dht_table_good(&side->table, now);
    out->buckets = side->table.count;
    out->external = side->vote.winner;
}

static size_t memory(const struct dht *d) {
    size_t bytes = sizeof *d + dht_limits_memory() + dht_store_memory(&d->store);
    for (int i = 0; i < 2; i++)
        bytes += d->sides[i].table.cap * sizeof(struct dht_bucket);
    LIST_EACH(l, &d->searches) {
        const struct dht_search *s = LIST_ITEM(l, struct dht_search, link);
        bytes += sizeof *s;
        for (int i = 0; i < 2; i++)
            bytes += s->walks[i] ? sizeof *s->walks[i] : 0;
    }
    return bytes;
}

void dht_stats(const struct dht *d, struct dht_stats *out, usec now) {
    *out = (struct dht_stats){.searches = d->search_count,
                              .questions = d->asked_count,
                              .hashes = d->store.hashes,
                              .peers = d->store.peers,
                              .packets_in = d->packets_in,
                              .packets_out = d->packets_out,
                              .bytes_in = d->bytes_in,
                              .bytes_out = d->bytes_out,
                              .malformed = d->malformed,
                              .limited = d->limited,
                              .unanswered = d->unanswered,
                              .memory = memory(d)};
    side_stats(&d->sides[0], &out->ip4, now);
    side_stats(&d->sides[1], &out->ip6, now);
}

bool dht_check(const struct dht *d) {
    uint32_t asked = 0, probes = 0, searches = 0;
    LIST_EACH(l, &d->asked) {
        const struct dht_question *q = LIST_ITEM(l, struct dht_question, link);
        asked++;
        probes += q->purpose == DHT_PROBE;
    }
    LIST_EACH(l, &d->searches)
        searches++;
    return asked == d->asked_count && probes == d->probes &&
           searches == d->search_count && dht_table_check(&d->sides[0].table) &&
           dht_table_check(&d->sides[1].table);
}
