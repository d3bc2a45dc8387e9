/* peer_send: see the header for the picture. */
#include "engine/peer_send.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/peer.h"

#define FLUSH_BYTES \
    (2u << 20) /* per peer and step, so that one fast taker leaves room for others */

void peer_send_init(struct peer_send *s) {
    memset(s, 0, sizeof *s);
    text_init(&s->control);
    s->most = FLIGHT_LEAST;
}

void flight_free(struct peer *p, struct flight *f) {
    if (!f)
        return;
    (void)buffer_pool_release(&p->session->upload_pool, f->buffer, FLIGHT_BYTES);
    free(f);
}

void peer_send_fini(struct peer *p) {
    text_free(&p->send.control);
    if (!p->send.reading) /* else the job has it and frees it */
        flight_free(p, p->send.flight);
    p->send.flight = NULL;
}

/* ---- saying ---------------------------------------------------------------------------- */

void peer_say_raw(struct peer *p, const void *data, size_t len) {
    struct text *c = &p->send.control;
    if (p->state == PEER_DEAD)
        return;
    text_add(c, data, len);
    if (c->failed)
        peer_close(p, ERR_NOMEM, "out of memory");
    else if (c->len - p->send.control_sent > SEND_MAX_CONTROL)
        peer_close(p, ERR_LIMIT, "the peer does not read what it is sent");
    else
        peer_want_write(p);
}

void peer_say(struct peer *p, const struct wire_message *m) {
    uint8_t bytes[WIRE_REQUEST_LEN];
    peer_say_raw(p, bytes, wire_put(bytes, m));
}

void peer_say_simple(struct peer *p, enum wire_id id) {
    uint8_t bytes[5];
    peer_say_raw(p, bytes, wire_put_simple(bytes, id));
}

void peer_say_extended(struct peer *p, uint8_t ext_id, const void *data, size_t len) {
    uint8_t head[6];
    (void)wire_put_header(head, WIRE_EXTENDED, (uint32_t)len + 1);
    head[5] = ext_id;
    peer_say_raw(p, head, sizeof head);
    peer_say_raw(p, data, len);
}

/* ---- writing --------------------------------------------------------------------------- */

static bool flight_ready(const struct peer *p) {
    return p->send.flight && !p->send.reading;
}

bool peer_has_output(const struct peer *p) {
    return p->send.control.len > p->send.control_sent || flight_ready(p) ||
           (p->uploads.count > 0 && !p->send.reading);
}

static int add_control(const struct peer *p, struct iovec *iov) {
    const struct peer_send *s = &p->send;
    if (s->control.len == s->control_sent)
        return 0;
    *iov = (struct iovec){s->control.data + s->control_sent,
                          s->control.len - s->control_sent};
    return 1;
}

static int add_flight(const struct peer *p, struct iovec *iov) {
    const struct flight *f = p->send.flight;
    if (!flight_ready(p))
        return 0;
    memcpy(iov, f->iov + f->at, (size_t)(f->iovs - f->at) * sizeof *iov);
    return f->iovs - f->at;
}

/* A begun flight must end before anything else may be said. */
static bool flight_first(const struct peer *p) {
    return p->send.flight && p->send.flight->begun;
}

static size_t advance_control(struct peer *p, size_t n) {
    struct peer_send *s = &p->send;
    size_t taken = MIN(n, s->control.len - s->control_sent);
    s->control_sent += taken;
    if (s->control_sent == s->control.len) {
        text_clear(&s->control);
        s->control_sent = 0;
        if (s->control.cap > 4096) /* idle peers hold no buffer */
            text_free(&s->control);
    }
    return n - taken;
}

static void note_payload_sent(struct peer *p, size_t n) {
    struct session *s = p->session;
    usec now = session_now(s);
    s->stats.payload_sent += n;
    p->torrent->uploaded += n;
    p->last_upload_at = now;
    meter_note(&p->up, now, (uint32_t)n);
    meter_note(&p->torrent->up_meter, now, (uint32_t)n);
    meter_note(&s->up_meter, now, (uint32_t)n);
}

static size_t advance_flight(struct peer *p, size_t n) {
    struct flight *f = p->send.flight;
    size_t payload = 0;
    if (!flight_ready(p) || n == 0)
        return n;
    f->begun = true;
    while (n > 0 && f->at < f->iovs) {
        struct iovec *v = &f->iov[f->at];
        size_t taken = MIN(n, v->iov_len);
        payload += f->at % 2 ? taken : 0;
        v->iov_base = (uint8_t *)v->iov_base + taken, v->iov_len -= taken;
        n -= taken;
        f->at += v->iov_len == 0;
    }
    if (payload)
        note_payload_sent(p, payload);
    if (f->at == f->iovs) {
        flight_free(p, f);
        p->send.flight = NULL;
    }
    return n;
}

static void advance(struct peer *p, size_t n) {
    if (flight_first(p)) {
        n = advance_flight(p, n);
        (void)advance_control(p, n);
    } else {
        n = advance_control(p, n);
        (void)advance_flight(p, n);
    }
}

static int layout(const struct peer *p, struct iovec *iov) {
    int n;
    if (flight_first(p)) {
        n = add_flight(p, iov);
        return n + add_control(p, iov + n);
    }
    n = add_control(p, iov);
    return n + add_flight(p, iov + n);
}

/* How large the next flight is. */
static void adapt(struct peer_send *s, bool whole) {
    s->most = whole ? MIN(s->most * 2, FLIGHT_BLOCKS) : MAX(s->most / 2, FLIGHT_LEAST);
}

static void note_sent(struct peer *p, size_t n) {
    bool flying = flight_ready(p);
    p->session->stats.bytes_sent += n;
    p->last_sent = session_now(p->session);
    advance(p, n);
    if (flying)
        adapt(&p->send, p->send.flight == NULL);
}

void peer_flush(struct peer *p) {
    struct iovec iov[2 * FLIGHT_BLOCKS + 1];
    size_t total = 0;
    p->send.blocked = false;
    while (p->state > PEER_CONNECTING && p->state != PEER_DEAD && total < FLUSH_BYTES) {
        peer_serve_fill(p);
        int n = p->state == PEER_DEAD ? 0 : layout(p, iov);
        if (n == 0)
            break;
        ssize_t sent = stream_writev(p->stream, iov, n);
        p->session->stats.send_calls++;
        if (sent == ERR_AGAIN) {
            p->send.blocked = true;
            break;
        }
        if (sent < 0) {
            peer_close(p, (int)sent, "connection lost");
            return;
        }
        total += (size_t)sent;
        note_sent(p, (size_t)sent);
    }
    if (p->state == PEER_DEAD)
        return;
    if (total >= FLUSH_BYTES && peer_has_output(p))
        p->send.blocked = true; /* go on when the loop says writable */
    peer_update_want(p);
}
