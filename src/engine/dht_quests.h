/* dht_quests: searches of scripts in the DHT. What each has found is gathered, each peer once and
 * at most DHT_QUEST_PEERS, and told when the search is over. */
#ifndef MARE_DHT_QUESTS_H
#define MARE_DHT_QUESTS_H

#include "base/list.h"
#include "engine/events.h"

#define DHT_QUEST_PEERS 1000u

int dht_quests_add(struct link *quests, uint64_t token) MUST_USE; /* 0 or ERR_NOMEM */
void dht_quests_drop(struct link *quests, uint64_t token);
void dht_quests_on_peers(struct link *quests, uint64_t token, const struct addr *peers,
                         uint32_t count);
/* Tells by EVENT_READ: "1.2.3.4:80\n[::1]:80\n". */
void dht_quests_on_done(struct link *quests, uint64_t token, struct events *events);
void dht_quests_fini(struct link *quests);

#endif
