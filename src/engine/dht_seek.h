/* dht_seek: which torrents are looked for in the DHT, and when. A search also announces us: so each
 * torrent has one every 15 minutes, and a download that lacks peers earlier ones, each after twice
 * the wait of the one before.
 *
 *     idle --timer--> waiting: [ wanting | others ] --place--> searching --> idle
 *
 * Only so many searches run at a time, and the torrents that only want to be found begin one
 * a second: a thousand of them are spread over the quarter of an hour by themselves. Those
 * that want peers go first. */
#ifndef MARE_DHT_SEEK_H
#define MARE_DHT_SEEK_H

#include "base/list.h"
#include "base/timers.h"

#define DHT_SEEK_INTERVAL (900 * USEC_PER_SEC)
#define DHT_SEEK_EAGER (5 * USEC_PER_SEC) /* the first early one; then twice that .. */
#define DHT_SEEK_RUNNING 16u              /* at a time: scripts find a place, too */

struct session;
struct torrent;

/* A torrent's part; see the picture. */
struct dht_seek {
    struct link link; /* in one of the lists below */
    struct timer timer;
    bool on, running;
    uint32_t eager; /* early searches in a row */
    usec ended_at;
};

/* The session's part. */
struct dht_seekers {
    struct link wanting, others; /* torrents that wait for their turn */
    uint32_t running;
    struct timer timer; /* others' next turn */
    usec others_at;
};

void dht_seekers_init(struct dht_seekers *q);
void dht_seekers_fini(struct session *s); /* nobody's turn comes any more */
/* We have found our place in the network: torrents whose search found nobody search at once. */
void dht_seekers_again(struct session *s);

void dht_seek_init(struct torrent *t);
/* Idempotent pulse: begins or ends, as the torrent's state and its being private demand. */
void dht_seek_update(struct torrent *t);
void dht_seek_stop(struct torrent *t); /* idempotent */
/* More peers would be welcome. Cheap. */
void dht_seek_want(struct torrent *t);
/* dht_node: a search ended. */
void dht_seek_on_done(struct torrent *t);

#endif
