/* dht_quests: see the header. At most as many run as the DHT has searches (64), and each packet
 * names a few peers: lists are good enough. */
#include "engine/dht_quests.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/err.h"

struct quest {
    struct link link;
    uint64_t token;
    struct addr *found;
    uint32_t count, cap;
};

static struct quest *find(const struct link *quests, uint64_t token) {
    LIST_EACH(l, quests) {
        struct quest *q = LIST_ITEM(l, struct quest, link);
        if (q->token == token)
            return q;
    }
    return NULL;
}

int dht_quests_add(struct link *quests, uint64_t token) {
    struct quest *q = calloc(1, sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->token = token;
    list_append(quests, &q->link);
    return 0;
}

static void drop(struct quest *q) {
    list_remove(&q->link);
    free(q->found);
    free(q);
}

void dht_quests_drop(struct link *quests, uint64_t token) {
    struct quest *q = find(quests, token);
    if (q)
        drop(q);
}

static bool has_found(const struct quest *q, const struct addr *a) {
    for (uint32_t i = 0; i < q->count; i++)
        if (addr_equal(&q->found[i], a))
            return true;
    return false;
}

/* One that finds no memory is forgotten, as if nobody had told of it. */
void dht_quests_on_peers(struct link *quests, uint64_t token, const struct addr *peers,
                         uint32_t count) {
    struct quest *q = find(quests, token);
    for (uint32_t i = 0; q && i < count && q->count < DHT_QUEST_PEERS; i++)
        if (!has_found(q, &peers[i]) && ARRAY_ROOM(q->found, q->count, q->cap) == 0)
            q->found[q->count++] = peers[i];
}

void dht_quests_on_done(struct link *quests, uint64_t token, struct events *events) {
    struct quest *q = find(quests, token);
    struct event ev = {.type = EVENT_READ, .token = token};
    struct text lines;
    char one[ADDR_TEXT];
    if (!q)
        return;
    text_init(&lines);
    for (uint32_t i = 0; i < q->count; i++)
        text_addf(&lines, "%s\n", addr_format(&q->found[i], one));
    ev.code = lines.failed ? ERR_NOMEM : 0;
    ev.data = (uint8_t *)text_take(&lines, &ev.len);
    events_push(events, &ev);
    drop(q);
}

void dht_quests_fini(struct link *quests) {
    while (!list_empty(quests))
        drop(LIST_ITEM(quests->next, struct quest, link));
}
