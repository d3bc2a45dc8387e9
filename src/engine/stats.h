/* stats: the session's counters and gauges. Each counter is counted in exactly one place, named
 * here; gauges are what is so now, collected when somebody asks. One row per member, so that the
 * Lua side and the documentation are made from the same lists. */
#ifndef MARE_STATS_H
#define MARE_STATS_H

#include "base/base.h"

/* X(name, "what it counts") */
#define STATS_COUNTERS(X)                                                           \
    X(payload_received, "bytes of blocks that arrived, wanted or not (peer_read)")  \
    X(payload_copied,                                                               \
      "bytes of blocks that user space copied on their way in (wire_reader)")       \
    X(payload_wasted,                                                               \
      "bytes of blocks that nobody had asked for or that came twice (peer_block)")  \
    X(payload_failed, "bytes of pieces that failed their hash (store)")             \
    X(payload_sent, "bytes of blocks sent (peer_send)")                             \
    X(bytes_received, "all bytes read from peers (peer_read)")                      \
    X(bytes_sent, "all bytes written to peers (peer_send)")                         \
    X(recv_calls, "receive system calls on peers (peer_read)")                      \
    X(send_calls, "send system calls on peers (peer_send)")                         \
    X(slots_predicted, "readv slots that were filled as predicted (wire_reader)")   \
    X(slots_missed, "readv slots whose header was another message (wire_reader)")   \
    X(pieces_verified, "pieces that matched their hash after download (store)")     \
    X(pieces_failed, "pieces that did not (store)")                                 \
    X(hash_nsec, "nanoseconds workers spent hashing (store)")                       \
    X(disk_nsec, "nanoseconds workers spent in file calls (store)")                 \
    X(upload_reads_now,                                                             \
      "blocks for upload read from the page cache on the loop (peer_serve)")        \
    X(upload_reads_job, "block reads for upload that needed a worker (peer_serve)") \
    X(udp_received, "bytes of datagrams that came to the UDP port (datagrams)")     \
    X(udp_sent, "bytes of datagrams sent from the UDP port (datagrams)")            \
    X(dht_received, "bytes of messages of the DHT that came (dht_node)")            \
    X(dht_sent, "bytes of messages of the DHT that were sent (dht_node)")           \
    X(steps, "turns of the loop (session)")

struct stats {
#define STATS_FIELD(name, what) uint64_t name;
    STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
};

#define STATS_GAUGES(X)                                                               \
    X(pool_used, "bytes of the memory budget that are handed out or kept warm")       \
    X(pool_idle, "bytes of those that lie idle, kept warm for the next piece")        \
    X(pieces_open, "pieces that are being received, hashed or written")               \
    X(write_queue, "bytes of complete pieces that wait for hash and disk")            \
    X(jobs_running, "jobs handed to workers and not yet reaped")                      \
    X(requests_outstanding, "blocks asked of peers and not yet here")                 \
    X(uploads_queued, "blocks that peers asked for and that have not begun to leave") \
    X(events_waiting, "events that nobody has picked up yet")

struct gauges {
#define STATS_FIELD(name, what) uint64_t name;
    STATS_GAUGES(STATS_FIELD)
#undef STATS_FIELD
};

struct session;
/* Walks over torrents and peers: for people and scripts, not for every step. */
void stats_gauges(const struct session *s, struct gauges *out);

#endif
