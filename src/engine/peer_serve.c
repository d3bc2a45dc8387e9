/* peer_serve: giving. Requests are checked and queued when they come; when the peer can be
 * written to, as many as fit leave in one flight (peer_send).
 *
 * The loop never waits for a disk: blocks in the page cache are read at once, others by a
 * worker, and the flight waits for it. A file that was truncated or lost under us is an error
 * event and a rejected request, never a crash. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/limits.h"
#include "engine/peer.h"

#define ALLOWED_FAST_TIMES 3 /* hazards.md */
#define MEMORY_RETRY (50 * USEC_PER_MSEC)

/* ---- requests come ---------------------------------------------------------------------- */

static void reject(struct peer *p, const struct upload_request *q) {
    struct wire_message m = {WIRE_REJECT, q->piece, q->begin, q->length, 0};
    if (p->hs.fast)
        peer_say(p, &m);
}

/* One of the pieces we allow while choking, and not given three times over yet? */
static bool allowed_while_choked(struct peer *p, const struct wire_message *m) {
    uint64_t most =
        (uint64_t)metainfo_piece_size(p->torrent->meta, m->index) * ALLOWED_FAST_TIMES;
    for (uint32_t i = 0; i < p->allowed_out_count; i++) {
        if (p->allowed_out[i] != m->index || m->length > most - p->allowed_given[i])
            continue;
        p->allowed_given[i] += m->length;
        return true;
    }
    return false;
}

static int refuse(struct peer *p, const struct upload_request *q) {
    reject(p, q);
    if (p->choking && upload_queue_note_choked_request(&p->uploads))
        return ERR_LIMIT;
    return 0;
}

int peer_on_request(struct peer *p, const struct wire_message *m) {
    struct torrent *t = p->torrent;
    struct upload_request q = {m->index, m->begin, m->length};
    if (!t->meta || m->index >= t->meta->pieces)
        return ERR_PROTOCOL;
    if (!bitset_has(&t->have, m->index) || (p->choking && !allowed_while_choked(p, m)))
        return refuse(p, &q);
    int status = upload_queue_push(&p->uploads, m->index, m->begin, m->length,
                                   metainfo_piece_size(t->meta, m->index));
    if (status == ERR_LIMIT)
        reject(p, &q);
    else if (status == 0)
        peer_want_write(p);
    return status == ERR_LIMIT ? 0 : status;
}

void peer_on_cancel(struct peer *p, const struct wire_message *m) {
    struct upload_request q = {m->index, m->begin, m->length};
    if (upload_queue_cancel(&p->uploads, m->index, m->begin, m->length))
        reject(p, &q); /* BEP 6: every request is answered once */
}

/* A flight that has not begun to leave is taken back when we choke. */
static void recall_flight(struct peer *p) {
    struct flight *f = p->send.flight;
    if (!f || f->begun || p->send.reading)
        return;
    for (uint32_t i = 0; i < f->blocks; i++) {
        struct wire_message *b = &f->block[i];
        struct upload_request q = {b->index, b->begin, b->length};
        reject(p, &q);
    }
    flight_free(p, f);
    p->send.flight = NULL;
}

void peer_reject_uploads(struct peer *p) {
    struct upload_request q;
    recall_flight(p);
    while (upload_queue_front(&p->uploads, 0, &q)) {
        reject(p, &q);
        upload_queue_pop(&p->uploads);
    }
    upload_queue_note_choke(&p->uploads);
}

/* A flight holds bytes once they are read; while they are being read the piece must stay. */
bool peer_reads_piece(const struct peer *p, uint32_t piece) {
    const struct flight *f = p->send.reading ? p->send.flight : NULL;
    for (uint32_t i = 0; f && i < f->blocks; i++)
        if (f->block[i].index == piece)
            return true;
    return false;
}

void peer_reject_piece(struct peer *p, uint32_t piece) {
    struct upload_request q;
    for (uint32_t i = 0; upload_queue_front(&p->uploads, i, &q);) {
        if (q.piece == piece &&
            upload_queue_cancel(&p->uploads, q.piece, q.begin, q.length))
            reject(p, &q);
        else
            i++;
    }
}

/* ---- blocks leave ----------------------------------------------------------------------- */

/* One run of blocks that follow each other in the torrent, read in one call. */
struct flight_read {
    struct range_read read;
    struct session *session;
    handle peer;
    struct flight *flight;
    uint32_t next; /* first block that is not read yet */
};

static uint64_t torrent_offset(const struct torrent *t, const struct wire_message *m) {
    return (uint64_t)m->index * t->meta->piece_length + m->begin;
}

static uint8_t *block_place(struct flight *f, uint32_t i) {
    return f->iov[2 * i + 1].iov_base;
}

/* The run that begins at block `i`: returns the block behind it. */
static uint32_t run_end(const struct torrent *t, const struct flight *f, uint32_t i,
                        uint32_t *length) {
    uint64_t at = torrent_offset(t, &f->block[i]);
    uint32_t from = i;
    *length = 0;
    while (i < f->blocks && torrent_offset(t, &f->block[i]) == at + *length)
        *length += f->block[i++].length;
    return MAX(i, from + 1);
}

/* What cannot be read is not to be asked for again (BEP 54). */
static void disown(struct peer *p, const struct flight *f) {
    for (uint32_t i = 0; i < f->blocks; i++)
        if (i == 0 || f->block[i].index != f->block[i - 1].index)
            peer_say_donthave(p, f->block[i].index);
}

static void flight_failed(struct peer *p, struct flight *f, const struct err *e) {
    session_event(p->session, EVENT_ERROR, p->torrent, NULL, 0, e->code, "%s", e->text);
    if (e->code != ERR_NOMEM)
        disown(p, f);
    p->send.flight = f, p->send.reading = false;
    recall_flight(p);
}

static void on_read(struct storage_op *op);

static int read_on_worker(struct flight_read *r, struct torrent *t) {
    uint32_t length, end = run_end(t, r->flight, r->next, &length);
    r->read.offset = torrent_offset(t, &r->flight->block[r->next]);
    r->read.length = length;
    r->read.data = block_place(r->flight, r->next);
    r->read.op.done = on_read;
    r->session->stats.upload_reads_job += end - r->next;
    r->next = end;
    return storage_read(t->storage, &r->read);
}

static void end_read(struct flight_read *r) {
    free(r);
}

static void on_read(struct storage_op *op) {
    struct flight_read *r = CONTAINER_OF(op, struct flight_read, read.op);
    struct peer *p = session_peer(r->session, r->peer);
    if (!p) { /* it left meanwhile: the flight is ours alone */
        (void)buffer_pool_release(&r->session->upload_pool, r->flight->buffer,
                                  FLIGHT_BYTES);
        free(r->flight);
        end_read(r);
        return;
    }
    if (op->status == 0 && r->next < r->flight->blocks) {
        if (read_on_worker(r, p->torrent) == 0)
            return;
        err_set(&op->err, op->status = ERR_NOMEM,
                "out of memory while reading for upload");
    }
    if (op->status < 0)
        flight_failed(p, r->flight, &op->err);
    p->send.reading = false;
    peer_want_write(p);
    end_read(r);
}

/* Hands the flight to a worker from block `next` on. */
static void begin_read(struct peer *p, struct flight *f, uint32_t next) {
    struct flight_read *r = calloc(1, sizeof *r);
    struct err e;
    if (r) {
        r->session = p->session, r->peer = p->id, r->flight = f, r->next = next;
        p->send.reading = true;
        if (read_on_worker(r, p->torrent) == 0)
            return;
        free(r);
    }
    err_set(&e, ERR_NOMEM, "out of memory while reading for upload");
    flight_failed(p, f, &e);
}

static void read_flight(struct peer *p, struct flight *f) {
    struct err e;
    for (uint32_t i = 0; i < f->blocks;) {
        uint32_t length, end = run_end(p->torrent, f, i, &length);
        struct iovec v = {block_place(f, i), length};
        int status = storage_read_now(p->torrent->storage,
                                      torrent_offset(p->torrent, &f->block[i]), &v, 1);
        if (status == ERR_AGAIN) {
            begin_read(p, f, i);
            return;
        }
        if (status < 0) {
            err_set(&e, status,
                    "piece %u cannot be read from disk for upload; check the files "
                    "of the torrent again",
                    f->block[i].index);
            flight_failed(p, f, &e);
            return;
        }
        p->session->stats.upload_reads_now += end - i;
        i = end;
    }
}

static struct flight *flight_new(struct peer *p) {
    struct flight *f = malloc(sizeof *f);
    if (!f)
        return NULL;
    memset(f, 0, offsetof(struct flight, header));
    f->blocks = 0;
    f->buffer = buffer_pool_acquire(&p->session->upload_pool);
    if (!f->buffer && session_free_idle(p->session))
        f->buffer = buffer_pool_acquire(&p->session->upload_pool);
    if (f->buffer)
        return f;
    free(f);
    return NULL;
}

static void add_block(struct flight *f, const struct upload_request *q, uint8_t *place) {
    struct wire_message m = {WIRE_PIECE, q->piece, q->begin, q->length, 0};
    uint32_t i = f->blocks++;
    f->block[i] = m;
    f->iov[f->iovs++] = (struct iovec){f->header[i], wire_put(f->header[i], &m)};
    f->iov[f->iovs++] = (struct iovec){place, q->length};
}

/* As many requests as leave at once, as the limits allow (a begun block is paid in advance). */
static void load(struct peer *p, struct flight *f, size_t allowed) {
    struct upload_request q;
    size_t used = 0;
    while (f->blocks < p->send.most && upload_queue_front(&p->uploads, 0, &q)) {
        if (used + q.length > FLIGHT_BYTES || used >= allowed)
            break;
        add_block(f, &q, f->buffer + used);
        used += q.length;
        upload_queue_pop(&p->uploads);
    }
    limits_took_up(p, used);
}

void peer_serve_fill(struct peer *p) {
    if (p->send.flight || p->uploads.count == 0 || limits_is_waiting_up(p))
        return;
    size_t allowed = limits_up(p);
    if (allowed == 0) {
        limits_wait_up(p);
        return;
    }
    struct flight *f = flight_new(p);
    if (!f) {
        limits_wait_up_for(p, MEMORY_RETRY);
        return;
    }
    load(p, f, allowed);
    p->send.flight = f;
    read_flight(p, f);
}
