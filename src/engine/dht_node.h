/* dht_node: the session's node of the DHT: proto/dht with a socket, a clock, names and a disk.
 *
 *     datagrams --'d'--> dht_on_packet --+              the answers of each go back out by
 *     tick timer ------> dht_tick -------+--> hooks --> datagrams, rosters, events
 *
 *     routers, `nodes` of torrents, PORT messages, the file of the last run --> dht_add_*
 *
 * Which torrents are searched for, and when, is dht_seek's question. The file is `dht.dat` in
 * the state directory: written now and then by a worker, and at the end.
 *
 * Who knows nobody asks the routers: those that the user named, else the well-known ones. A
 * session that is bound to a loopback address cannot reach those and does not look for them. */
#ifndef MARE_DHT_NODE_H
#define MARE_DHT_NODE_H

#include "base/list.h"
#include "io/loop.h"
#include "proto/dht.h"

struct session;
struct torrent;

/* Runs as settings say: NULL with *e (no socket, no memory). */
struct dht_node *dht_node_new(struct session *s, struct err *e);
/* Writes the file, cancels what is under way. NULL is fine. */
void dht_node_free(struct dht_node *n);

/* A node that might exist, by address or by name (resolved on a worker; what cannot be resolved is
 * forgotten). 0, or ERR_* with *e when it cannot even begin. */
int dht_node_add(struct dht_node *n, const char *host, uint16_t port, struct err *e);
void dht_node_add_addr(struct dht_node *n, const struct addr *a);
/* The nodes that a torrent names. */
void dht_node_add_torrent(struct dht_node *n, const struct torrent *t);

/* For scripts: looks for the peers of an info hash, without announcing us. EVENT_READ with `token`
 * when it is over: addresses, one a line. ERR_BUSY, ERR_NOMEM. */
int dht_node_get_peers(struct dht_node *n, const uint8_t info_hash[20], uint64_t token,
                       struct err *e);

/* dht_seek: a search for a torrent's peers. 0, ERR_BUSY or ERR_NOMEM; its end calls
 * dht_seek_on_done. */
int dht_node_seek(struct dht_node *n, const struct torrent *t);
void dht_node_cancel(struct dht_node *n, const struct torrent *t);

/* The port that others reach us at over this family; 0 = they do not, or we answer nobody. */
uint16_t dht_node_port(const struct dht_node *n, int family);
void dht_node_stats(const struct dht_node *n, struct dht_stats *out);

#endif
