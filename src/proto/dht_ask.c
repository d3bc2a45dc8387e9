/* dht_ask: our questions, from the moment they are sent until they are answered or given up.
 *
 *     transaction id   [ index of the question : 16 | secret : 16 ]
 *
 * The index finds the question without a search; the secret and the sender's address tell that
 * the answer is from whom we asked. Questions have one time-out, so the list of the asked is
 * sorted by when they end. */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/dht_id.h"
#include "proto/dht_private.h"

void dht_questions_init(struct dht *d) {
    list_init(&d->asked);
    list_init(&d->unused);
    for (size_t i = 0; i < DHT_QUESTIONS; i++)
        list_append(&d->unused, &d->questions[i].link);
}

bool dht_may_ask(struct dht *d, usec now) {
    return !list_empty(&d->unused) && dht_limits_may_ask(&d->limits, now);
}

/* -- sending --------------------------------------------------------------------------- */

static int set_tid(struct dht *d, struct dht_question *q) {
    int secret = dht_tokens_draw(&d->tokens);
    if (secret < 0)
        return secret;
    put_u16(q->tid, (uint16_t)(q - d->questions));
    put_u16(q->tid + 2, (uint16_t)secret);
    return 0;
}

/* BEP 32: contacts of the other family, too, while we lack them there. */
static unsigned choose_want(const struct dht *d) {
    for (int i = 0; i < 2; i++) {
        const struct dht_side *other = &d->sides[i];
        if (!other->on || !d->sides[!i].on)
            return 0;
        if (dht_table_size(&other->table) < DHT_K)
            return KRPC_WANT4 | KRPC_WANT6;
    }
    return 0;
}

bool dht_ask(struct dht *d, struct krpc *m, const struct dht_question *what, usec now) {
    struct dht_question *q = LIST_ITEM(d->unused.next, struct dht_question, link);
    struct link link = q->link;
    assert(!list_empty(&d->unused));
    *q = *what;
    q->link = link;
    q->sent_at = now;
    if (set_tid(d, q) < 0)
        return false;
    list_remove(&q->link);
    list_append(&d->asked, &q->link);
    q->asked = true;
    d->asked_count++;
    d->probes += q->purpose == DHT_PROBE;
    m->type = KRPC_QUERY;
    m->tid = (struct span){q->tid, sizeof q->tid};
    m->read_only = d->settings.read_only;
    if (m->method == KRPC_FIND_NODE || m->method == KRPC_GET_PEERS)
        m->want = choose_want(d);
    dht_send(d, &q->to.addr, m);
    return true;
}

void dht_ping(struct dht *d, const struct dht_seed *who, usec now) {
    struct krpc m = {.method = KRPC_PING};
    struct dht_question q = {.purpose = DHT_PROBE,
                             .to = who->node,
                             .named = who->named,
                             .tries = (uint8_t)(who->tries + 1)};
    if (dht_may_ask(d, now))
        dht_ask(d, &m, &q, now);
}

/* -- the end of a question ------------------------------------------------------------- */

static void release(struct dht *d, struct dht_question *q) {
    q->asked = false;
    list_remove(&q->link);
    list_append(&d->unused, &q->link);
    d->asked_count--;
    d->probes -= q->purpose == DHT_PROBE;
}

void dht_forget_search(struct dht *d, const struct dht_search *s) {
    LIST_EACH(l, &d->asked) {
        struct dht_question *q = LIST_ITEM(l, struct dht_question, link);
        if (q->search == s)
            q->search = NULL;
    }
}

/* A seed that does not answer is asked again while we have few others. */
static void maybe_try_again(struct dht_side *side, const struct dht_question *q) {
    struct dht_seed seed = {q->to, q->named, q->tries};
    if (q->purpose == DHT_PROBE && q->tries < DHT_SEED_TRIES &&
        dht_table_size(&side->table) < DHT_K)
        dht_seed_add(side, &seed);
}

static void fail(const struct dht_question *q) {
    if (q->search)
        dht_search_on_failure(q->search, q->to.addr.family, q->hop);
}

/* Where nobody has answered since, not that node is to blame. */
void dht_questions_expire(struct dht *d, usec now) {
    LIST_EACH(l, &d->asked) {
        struct dht_question *slot = LIST_ITEM(l, struct dht_question, link), q = *slot;
        struct dht_side *side = dht_side_of(d, q.to.addr.family);
        if (now - q.sent_at < DHT_TIMEOUT)
            return;
        release(d, slot);
        if (d->heard_at > q.sent_at)
            dht_table_on_timeout(&side->table, &q.to.addr);
        maybe_try_again(side, &q);
        fail(&q);
    }
}

/* -- answers --------------------------------------------------------------------------- */

static struct dht_question *find(struct dht *d, struct span tid,
                                 const struct addr *from) {
    if (tid.len != 4 || get_u16(tid.data) >= DHT_QUESTIONS)
        return NULL;
    struct dht_question *q = &d->questions[get_u16(tid.data)];
    bool ours = q->asked && memcmp(q->tid, tid.data, sizeof q->tid) == 0;
    return ours && addr_equal(&q->to.addr, from) ? q : NULL;
}

bool dht_is_router(const struct dht_side *side, const struct addr *a) {
    for (uint32_t i = 0; i < side->router_count; i++) {
        if (addr_equal(&side->routers[i], a))
            return true;
    }
    return false;
}

/* The node is who we took it for: it is a contact, and a witness of our address. */
static void accept(struct dht *d, const struct dht_question *q, const struct krpc *m,
                   usec now) {
    struct dht_side *side = dht_side_of(d, q->to.addr.family);
    struct krpc_node n = q->to;
    memcpy(n.id, m->id, KRPC_ID);
    if (m->ip.family)
        dht_note_external(d, &n.addr, &m->ip, now);
    if (!dht_is_router(side, &n.addr))
        dht_note_contact(d, side, &n, now);
    if (q->search)
        dht_search_on_reply(d, q->search, q->hop, m, &n.addr);
}

static bool is_expected(const struct dht_question *q, const struct krpc *m) {
    return !q->named || memcmp(q->to.id, m->id, KRPC_ID) == 0;
}

/* Another id than we knew is a lie, or a node that has learned its address meanwhile and got
 * the id for it (BEP 42): the one that fits then did not before. */
static void on_other_id(struct dht *d, const struct dht_question *q, const struct krpc *m,
                        usec now) {
    struct dht_side *side = dht_side_of(d, q->to.addr.family);
    struct krpc_node n = q->to;
    dht_table_remove(&side->table, &n.addr);
    memcpy(n.id, m->id, KRPC_ID);
    if (!dht_is_router(side, &n.addr) && dht_id_fits(n.id, &n.addr) &&
        !dht_id_fits(q->to.id, &n.addr))
        dht_note_contact(d, side, &n, now);
}

void dht_on_answer(struct dht *d, const struct krpc *m, const struct addr *from,
                   usec now) {
    struct dht_question *slot = find(d, m->tid, from), q;
    if (!slot) {
        d->limited += !dht_limits_admit(&d->limits, from, now);
        return;
    }
    q = *slot;
    release(d, slot);
    d->heard_at = now;
    if (m->type == KRPC_REPLY && is_expected(&q, m)) {
        accept(d, &q, m, now);
        return;
    }
    if (m->type == KRPC_REPLY)
        on_other_id(d, &q, m, now);
    fail(&q);
}
