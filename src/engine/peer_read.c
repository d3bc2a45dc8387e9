/* peer_read: bytes in. Asks the wire reader where the next bytes belong, lets the kernel put them
 * there, and counts. A peer that may not receive now (rate limit) is not read at all: TCP tells
 * the other side. */
#include <stdlib.h>

#include "engine/limits.h"
#include "engine/peer.h"

#define TURN_BYTES (1u << 20) /* of one peer; then the others have their turn */
#define TURN_READS 64

const struct wire_hooks peer_wire_hooks = {
    .on_handshake = peer_on_handshake,
    .on_message = peer_on_message,
    .on_body = peer_on_body,
    .on_piece = peer_on_piece,
    .on_block = peer_on_block,
    .predict = peer_predict,
};

void peer_update_want(struct peer *p) {
    int events = 0;
    if (p->state == PEER_CONNECTING || p->state == PEER_DEAD)
        return;
    if (!limits_is_waiting_down(p))
        events |= STREAM_READ;
    if (p->send.blocked)
        events |= STREAM_WRITE;
    stream_want(p->stream, events);
}

/* Moves the reader's counters to where they are kept. */
static void collect(struct peer *p) {
    struct stats *stats = &p->session->stats;
    struct wire_reader *r = &p->reader;
    usec now = session_now(p->session);
    if (r->payload_received && p->torrent) {
        stats->payload_received += r->payload_received;
        p->torrent->downloaded += r->payload_received;
        meter_note(&p->down, now, (uint32_t)r->payload_received);
        meter_note(&p->torrent->down_meter, now, (uint32_t)r->payload_received);
        meter_note(&p->session->down_meter, now, (uint32_t)r->payload_received);
    }
    stats->payload_copied += r->payload_copied;
    stats->slots_predicted += r->slots_predicted;
    stats->slots_missed += r->slots_missed;
    r->payload_received = r->payload_copied = r->slots_predicted = r->slots_missed = 0;
}

static size_t planned(const struct wire_plan *plan) {
    size_t n = 0;
    for (int i = 0; i < plan->iovs; i++)
        n += plan->iov[i].iov_len;
    return n;
}

static const char *why_closed(int status) {
    switch (status) {
    case ERR_EOF: return "closed by the peer";
    case ERR_PROTOCOL: return "broke the protocol";
    case ERR_LIMIT: return "a message over the limits";
    case ERR_NOMEM: return "out of memory";
    default: return "connection lost";
    }
}

/* One read. True if more may be waiting. */
static bool read_once(struct peer *p) {
    struct session *s = p->session;
    struct wire_plan plan;
    size_t limit = limits_down(p);
    if (limit == 0) {
        limits_wait_down(p);
        return false;
    }
    wire_reader_plan(&p->reader, &plan, s->scratch, SESSION_SCRATCH, limit);
    ssize_t n = stream_readv(p->stream, plan.iov, plan.iovs);
    s->stats.recv_calls++;
    if (n == ERR_AGAIN)
        return false;
    int status = n < 0 ? (int)n : 0;
    if (n > 0) {
        s->stats.bytes_received += (uint64_t)n;
        p->last_received = session_now(s);
        limits_took_down(p, (size_t)n);
        status = wire_reader_commit(&p->reader, &plan, (size_t)n);
        collect(p);
    }
    if (status < 0)
        peer_fail(p, status, why_closed(status)); /* keeps an earlier reason */
    return status == 0 && p->state != PEER_DEAD && (size_t)n == planned(&plan);
}

static void read_turn(struct peer *p) {
    const uint64_t *received = &p->session->stats.bytes_received;
    uint64_t until = *received + TURN_BYTES;
    for (int i = 0; i < TURN_READS && *received < until && read_once(p); i++) {}
}

void peer_on_ready(struct peer *p, int events) {
    if (events & STREAM_WRITE) {
        p->send.blocked = false;
        peer_want_write(p);
    }
    if (events & STREAM_READ)
        read_turn(p);
    if (p->state != PEER_DEAD)
        peer_update_want(p);
}
