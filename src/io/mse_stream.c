/* mse_stream: see the header. */
#include "io/mse_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define READ_AT_ONCE 2048   /* of the handshake */
#define WRITE_AT_ONCE 65536 /* plain bytes that are encrypted for one write */

enum { IN, OUT };

struct mse_stream {
    struct stream base;
    struct stream *inner;
    struct loop *loop;
    struct mse *mse; /* while the handshake goes on; else NULL */
    struct chunked_buffer received;
    struct mse_cipher *ciphers; /* in and out, when the payload is encrypted; else NULL */
    bool obfuscated;
    uint8_t info_hash[20];
    struct text rest; /* decrypted already, to be read first */
    size_t rest_at;
    struct text pending; /* encrypted, not yet sent */
    size_t pending_at;
    int wanted;
    struct timer again;   /* `rest` is readable although the socket is not */
    struct timer silence; /* it has said nothing yet */
    bool may_be_plain;
    bool connected;
};

static struct mse_stream *of(struct stream *s) {
    return CONTAINER_OF(s, struct mse_stream, base);
}

/* ---- what goes out -------------------------------------------------------------------- */

static bool has_pending(const struct mse_stream *m) {
    return m->pending.len > m->pending_at;
}

static void update_want(struct mse_stream *m) {
    int events = m->mse ? STREAM_READ : m->wanted;
    if (has_pending(m))
        events |= STREAM_WRITE;
    if (m->connected)
        stream_want(m->inner, events);
}

/* 0 when all of it is gone; ERR_AGAIN; or why it cannot. */
static int flush(struct mse_stream *m) {
    while (has_pending(m)) {
        struct iovec v = {m->pending.data + m->pending_at,
                          m->pending.len - m->pending_at};
        ssize_t n = stream_writev(m->inner, &v, 1);
        if (n < 0)
            return (int)n;
        m->pending_at += (size_t)n;
    }
    text_free(&m->pending); /* an idle connection holds no buffer */
    m->pending_at = 0;
    return 0;
}

static void gather(struct text *to, const struct iovec *iov, int n) {
    for (int i = 0; i < n && to->len < WRITE_AT_ONCE; i++)
        text_add(to, iov[i].iov_base, MIN(iov[i].iov_len, WRITE_AT_ONCE - to->len));
}

static ssize_t write_encrypted(struct mse_stream *m, const struct iovec *iov, int n) {
    struct text *pending = &m->pending;
    int status = flush(m);
    if (status < 0)
        return status;
    gather(pending, iov, n);
    if (pending->failed) {
        text_free(pending);
        return ERR_NOMEM;
    }
    size_t len = pending->len;
    mse_encrypt(&m->ciphers[OUT], (uint8_t *)pending->data, (uint8_t *)pending->data,
                len);
    status = flush(m);
    update_want(m);
    return status < 0 && status != ERR_AGAIN ? status : (ssize_t)len;
}

static ssize_t do_writev(struct stream *s, const struct iovec *iov, int n) {
    struct mse_stream *m = of(s);
    if (m->mse)
        return ERR_AGAIN;
    if (m->ciphers)
        return write_encrypted(m, iov, n);
    int status = flush(m); /* the end of the handshake */
    return status < 0 ? status : stream_writev(m->inner, iov, n);
}

/* ---- what comes in -------------------------------------------------------------------- */

static ssize_t read_rest(struct mse_stream *m, const struct iovec *iov, int n) {
    size_t len = 0;
    for (int i = 0; i < n && m->rest_at < m->rest.len; i++) {
        size_t part = MIN(iov[i].iov_len, m->rest.len - m->rest_at);
        memcpy(iov[i].iov_base, m->rest.data + m->rest_at, part);
        m->rest_at += part, len += part;
    }
    if (m->rest_at == m->rest.len)
        text_free(&m->rest), m->rest_at = 0;
    return (ssize_t)len;
}

static ssize_t do_readv(struct stream *s, const struct iovec *iov, int n) {
    struct mse_stream *m = of(s);
    if (m->mse)
        return ERR_AGAIN;
    if (m->rest.len > m->rest_at)
        return read_rest(m, iov, n);
    ssize_t got = stream_readv(m->inner, iov, n);
    if (got > 0 && m->ciphers)
        mse_decrypt_iov(&m->ciphers[IN], iov, n, (size_t)got);
    return got;
}

static void maybe_tell_rest(struct mse_stream *m) {
    if (!m->mse && m->rest.len > m->rest_at && (m->wanted & STREAM_READ))
        timer_set(loop_timers(m->loop), &m->again, loop_now(m->loop));
}

static void on_again(struct timer *t, usec now) {
    struct mse_stream *m = CONTAINER_OF(t, struct mse_stream, again);
    (void)now;
    if (m->wanted & STREAM_READ)
        m->base.hooks->on_ready(m->base.owner, STREAM_READ);
}

/* ---- the handshake -------------------------------------------------------------------- */

static int take_result(struct mse_stream *m) {
    if (m->mse->encrypted) {
        m->ciphers = malloc(2 * sizeof *m->ciphers);
        if (!m->ciphers)
            return ERR_NOMEM;
        m->ciphers[IN] = m->mse->in, m->ciphers[OUT] = m->mse->out;
    }
    m->obfuscated = m->mse->obfuscated;
    memcpy(m->info_hash, m->mse->info_hash, sizeof m->info_hash);
    m->rest = m->mse->rest;
    text_init(&m->mse->rest); /* moved */
    return 0;
}

static void end_handshake(struct mse_stream *m) {
    mse_fini(m->mse);
    free(m->mse);
    m->mse = NULL;
    chunked_buffer_clear(&m->received);
}

/* Tells the owner; it may close us in there, so nothing may follow. */
static void fail(struct mse_stream *m, int status) {
    m->base.hooks->on_open(m->base.owner, status);
}

static void advance(struct mse_stream *m) {
    int status = mse_advance(m->mse, &m->received, &m->pending);
    if (status >= 0 && m->pending.failed)
        status = ERR_NOMEM;
    int sent = status >= 0 ? flush(m) : 0;
    if (sent < 0 && sent != ERR_AGAIN)
        status = sent;
    bool done = status == 1;
    if (done)
        status = take_result(m);
    if (status < 0) {
        fail(m, status);
        return;
    }
    if (done)
        end_handshake(m);
    update_want(m);
    if (done) {
        maybe_tell_rest(m);
        m->base.hooks->on_open(m->base.owner, 0);
    }
}

static void on_silence(struct timer *t, usec now) {
    (void)now;
    fail(CONTAINER_OF(t, struct mse_stream, silence), ERR_TIMEOUT);
}

static void listen_for_answer(struct mse_stream *m) {
    if (m->may_be_plain)
        timer_set(loop_timers(m->loop), &m->silence,
                  loop_now(m->loop) + MSE_ANSWER_WITHIN);
}

static void read_handshake(struct mse_stream *m) {
    uint8_t bytes[READ_AT_ONCE];
    struct iovec v = {bytes, sizeof bytes};
    ssize_t n = stream_readv(m->inner, &v, 1);
    if (n == ERR_AGAIN)
        return;
    timer_stop(loop_timers(m->loop), &m->silence);
    int status =
        n < 0 ? (int)n : chunked_buffer_push_copy(&m->received, bytes, (size_t)n);
    if (status < 0)
        fail(m, status);
    else
        advance(m);
}

/* ---- the inner stream's hooks --------------------------------------------------------- */

static void on_open(void *owner, int status) {
    struct mse_stream *m = owner;
    m->connected = status == 0;
    if (status < 0) {
        fail(m, status);
        return;
    }
    listen_for_answer(m);
    advance(m);
}

static void on_ready(void *owner, int events) {
    struct mse_stream *m = owner;
    if (m->mse) {
        if (events & STREAM_WRITE)
            (void)flush(m);
        if (events & STREAM_READ)
            read_handshake(m);
        else
            update_want(m);
        return;
    }
    if ((events & STREAM_WRITE) && has_pending(m)) {
        (void)flush(m); /* an error shows up when the owner writes or reads */
        update_want(m);
    }
    events &= m->wanted;
    if (events)
        m->base.hooks->on_ready(m->base.owner, events);
}

static const struct stream_hooks inner_hooks = {on_open, on_ready};

/* ---- life ----------------------------------------------------------------------------- */

static void do_want(struct stream *s, int events) {
    struct mse_stream *m = of(s);
    m->wanted = events;
    update_want(m);
    maybe_tell_rest(m);
}

static usec do_rtt(struct stream *s) {
    return stream_rtt(of(s)->inner);
}

static void do_close(struct stream *s) {
    struct mse_stream *m = of(s);
    timer_stop(loop_timers(m->loop), &m->again);
    timer_stop(loop_timers(m->loop), &m->silence);
    if (m->mse)
        end_handshake(m);
    stream_close(m->inner);
    chunked_buffer_fini(&m->received);
    text_free(&m->rest);
    text_free(&m->pending);
    free(m->ciphers);
    free(m);
}

static const struct stream_ops ops = {do_readv, do_writev, do_want, do_rtt, do_close};

static struct mse_stream *mse_stream_new(struct loop *l, struct stream *inner) {
    struct mse_stream *m = calloc(1, sizeof *m);
    if (m)
        m->mse = calloc(1, sizeof *m->mse);
    if (!m || !m->mse) {
        free(m);
        return NULL;
    }
    m->base.ops = &ops;
    m->loop = l, m->inner = inner;
    chunked_buffer_init(&m->received);
    text_init(&m->rest), text_init(&m->pending);
    timer_init(&m->again, on_again);
    timer_init(&m->silence, on_silence);
    inner->hooks = &inner_hooks, inner->owner = m;
    return m;
}

struct stream *mse_stream_dial(struct loop *l, struct stream *inner,
                               const struct mse_options *options,
                               const uint8_t info_hash[20], struct span initial) {
    struct mse_stream *m = mse_stream_new(l, inner);
    if (!m)
        return NULL;
    m->may_be_plain = options->policy == MSE_PREFER;
    mse_init_outgoing(m->mse, options, info_hash, initial, NULL, NULL);
    return &m->base;
}

struct stream *mse_stream_accept(struct loop *l, struct stream *inner,
                                 const struct mse_options *options,
                                 const struct mse_hooks *find, void *find_owner) {
    struct mse_stream *m = mse_stream_new(l, inner);
    if (!m)
        return NULL;
    mse_init_incoming(m->mse, options, find, find_owner);
    m->connected = true;
    update_want(m);
    return &m->base;
}

bool mse_stream_connected(const struct stream *s) {
    return CONTAINER_OF(s, const struct mse_stream, base)->connected;
}

bool mse_stream_encrypted(const struct stream *s) {
    return CONTAINER_OF(s, const struct mse_stream, base)->ciphers != NULL;
}

const uint8_t *mse_stream_info_hash(const struct stream *s) {
    const struct mse_stream *m = CONTAINER_OF(s, const struct mse_stream, base);
    return m->obfuscated ? m->info_hash : NULL;
}
