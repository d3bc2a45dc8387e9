/* udp_announce: see the header.
 *
 * The question is written once, at the beginning; a packet that is sent is that with the
 * connection's and the transaction's number put in front. A transaction id lives as long
 * as the question it belongs to, over all repetitions: an answer to the first one that
 * comes after the second was sent is as good. */
#include "proto/udp_announce.h"

#include <string.h>

#include "base/rng.h"

/* -- states -------------------------------------------------------------------------- */

static int fail(struct udp_announce *u, int code) {
    u->state = UDP_STATE_FAILED;
    u->due = USEC_NEVER;
    u->wants_to_send = false;
    return code;
}

static int finish(struct udp_announce *u) {
    u->state = UDP_STATE_DONE;
    u->due = USEC_NEVER;
    u->wants_to_send = false;
    return 1;
}

/* A new question: it gets a transaction id, and is to be sent. */
static int enter(struct udp_announce *u, enum udp_announce_state state, usec now) {
    uint8_t random[4];
    if (rng_secret(random, sizeof random) < 0)
        return fail(u, ERR_IO);
    u->transaction = get_u32(random);
    u->state = state;
    u->wants_to_send = true;
    u->due = now;
    return 0;
}

static int start(struct udp_announce *u, struct udp_connection known, uint32_t max_tries,
                 usec now) {
    u->max_tries =
        max_tries ? MIN(max_tries, UDP_ANNOUNCE_MAX_TRIES) : UDP_ANNOUNCE_TRIES;
    u->borrowed = known.until > now;
    if (!u->borrowed)
        return enter(u, UDP_STATE_CONNECTING, now);
    u->connection = known;
    return enter(u, UDP_STATE_ASKING, now);
}

int udp_announce_init(struct udp_announce *u, const struct announce_request *r,
                      const char *url, uint8_t family, struct udp_connection known,
                      uint32_t max_tries, usec now) {
    *u = (struct udp_announce){.action = UDP_ANNOUNCE, .family = family};
    u->packet_len = udp_announce_encode(u->packet, r, url);
    return start(u, known, max_tries, now);
}

int udp_announce_init_scrape(struct udp_announce *u, const uint8_t (*hashes)[20],
                             uint32_t count, uint8_t family, struct udp_connection known,
                             uint32_t max_tries, usec now) {
    *u = (struct udp_announce){.action = UDP_SCRAPE, .family = family, .count = count};
    u->packet_len = udp_scrape_encode(u->packet, hashes, count);
    return start(u, known, max_tries, now);
}

void udp_announce_fini(struct udp_announce *u) {
    announce_reply_free(&u->reply);
}

/* -- sending ------------------------------------------------------------------------- */

/* Nobody answered. */
static int on_timeout(struct udp_announce *u, usec now) {
    u->waits++;
    if (++u->timeouts >= u->max_tries)
        return fail(u, ERR_TIMEOUT);
    u->wants_to_send = true;
    if (u->state == UDP_STATE_ASKING && now >= u->connection.until)
        return enter(u, UDP_STATE_CONNECTING, now);
    return 0;
}

int udp_announce_next(struct udp_announce *u, uint8_t out[UDP_TRACKER_MAX_PACKET],
                      usec now) {
    if (!u->wants_to_send && now >= u->due && u->due != USEC_NEVER) {
        int rc = on_timeout(u, now);
        if (rc < 0)
            return rc;
    }
    if (!u->wants_to_send)
        return 0;
    u->wants_to_send = false;
    u->due = now + (UDP_ANNOUNCE_TIMEOUT << u->waits);
    if (u->state == UDP_STATE_CONNECTING)
        return (int)udp_connect_encode(out, u->transaction);
    memcpy(out, u->packet, u->packet_len);
    udp_header_put(out, u->connection.id, u->action, u->transaction);
    return (int)u->packet_len;
}

/* -- what comes back ----------------------------------------------------------------- */

static int on_connected(struct udp_announce *u, uint64_t id, usec now) {
    u->connection = (struct udp_connection){id, now + UDP_CONNECTION_LIFE};
    u->borrowed = false;
    u->waits = 0;
    return enter(u, UDP_STATE_ASKING, now);
}

/* A tracker that was restarted does not know the id of before: that is no refusal. */
static int on_error(struct udp_announce *u, struct span body, usec now) {
    if (u->state == UDP_STATE_ASKING && u->borrowed) {
        u->borrowed = false;
        u->connection = (struct udp_connection){0};
        return enter(u, UDP_STATE_CONNECTING, now);
    }
    udp_error_decode(u->reply.failure, body);
    u->connection = (struct udp_connection){0};
    return finish(u);
}

static int on_answer(struct udp_announce *u, struct span body) {
    if (u->action == UDP_SCRAPE)
        udp_scrape_decode(u->counts, u->count, body);
    else if (udp_announce_decode(&u->reply, body, u->family) < 0)
        return fail(u, ERR_NOMEM);
    return finish(u);
}

int udp_announce_on_packet(struct udp_announce *u, const uint8_t *data, size_t len,
                           usec now) {
    struct udp_reply r;
    enum udp_action expected = u->state == UDP_STATE_CONNECTING ? UDP_CONNECT : u->action;
    if (u->state == UDP_STATE_DONE || u->state == UDP_STATE_FAILED)
        return 0;
    if (!udp_reply_decode(&r, data, len) || r.transaction != u->transaction)
        return 0;
    if (r.action == UDP_ERROR)
        return on_error(u, r.body, now);
    if (r.action != expected)
        return 0;
    if (r.action == UDP_CONNECT)
        return on_connected(u, r.connection, now);
    return on_answer(u, r.body);
}
