/* peer_fuzz: what a peer says, to a whole engine. A real session has a torrent to give, one to
 * fetch, and one that waits for its metadata; the peer comes in over a stream whose bytes are
 * the input. No mutation guesses an info-hash, a wanted block or the metadata, so some bytes of
 * the input are orders to say just that:
 *
 *     0x00..0x0F n   a lawful thing (below) with the number n
 *     n              that many bytes follow and are said as they are
 *
 * After each order the session takes a step with its invariants checked. Nobody is dialled,
 * whatever addresses the peer tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/metainfo_write.h"
#include "codec/ut_metadata.h"
#include "engine/metadata.h"
#include "engine/peer.h"
#include "io/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE 16384u
#define PIECES 9u
#define BYTES (PIECES * PIECE - 1000)

enum { GIVEN, FETCHED, WAITING, TORRENTS };

static struct world {
    char directory[64];
    uint8_t data[BYTES];
    struct text file[TORRENTS];
    struct metainfo *m[TORRENTS];
    struct session *s;
    struct torrent *t[TORRENTS];
} w;

static void require(bool ok) {
    if (!ok)
        abort();
}

/* ---- the world --------------------------------------------------------------------------- */

static void step(usec wait) {
    struct event ev;
    w.s->dial_second = session_now(w.s) + 3600 * USEC_PER_SEC; /* nobody is dialled */
    w.s->dials = UINT32_MAX / 2;
    require(session_step(w.s, wait) == 0);
    while (events_pop(&w.s->events, &ev))
        event_fini(&ev);
}

static void settle(void) {
    do
        step(USEC_PER_MSEC);
    while (jobs_pending(w.s->loop) > 0 || !list_empty(&w.s->dying_torrents));
}

static void make_torrent(int i, const char *name) {
    uint8_t hashes[PIECES * SHA1_LEN];
    struct metainfo_draft_file file = {"", BYTES, 0};
    struct metainfo_draft d = {.name = name,
                               .files = &file,
                               .file_count = 1,
                               .piece_length = PIECE,
                               .hashes = hashes,
                               .pieces = PIECES};
    for (uint32_t k = 0; k < PIECES; k++)
        require(sha1(hashes + k * SHA1_LEN, w.data + k * PIECE,
                     MIN(PIECE, BYTES - k * PIECE)) == 0);
    text_init(&w.file[i]);
    require(metainfo_write(&w.file[i], &d, NULL) == 0);
    require(metainfo_parse(&w.m[i], (uint8_t *)w.file[i].data, w.file[i].len, NULL) == 0);
}

static void add(int i, const struct add_options *o) {
    require(torrent_add(w.s, (uint8_t *)w.file[i].data, w.file[i].len, o, &w.t[i],
                        NULL) == 0);
}

/* These two are new for each input. */
static void add_others(void) {
    char hex[2 * SHA1_LEN + 1];
    add(FETCHED, &(struct add_options){0});
    settle();
    hex_encode(hex, w.m[WAITING]->info_hash, SHA1_LEN);
    require(torrent_add_link(w.s, hex, 2 * SHA1_LEN, &(struct add_options){0},
                             &w.t[WAITING], NULL) == 0);
}

static void clean_up(void) {
    char command[100];
    session_free(w.s);
    for (int i = 0; i < TORRENTS; i++) {
        text_free(&w.file[i]);
        metainfo_drop(w.m[i]);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", w.directory);
    require(system(command) == 0);
}

static void open_world(void) {
    char path[100];
    strcpy(w.directory, "/tmp/mare-peer-fuzz-XXXXXX");
    require(mkdtemp(w.directory));
    atexit(clean_up);
    for (uint32_t i = 0; i < BYTES; i++)
        w.data[i] = (uint8_t)(i * 2654435761u >> 24);
    make_torrent(GIVEN, "given"), make_torrent(FETCHED, "fetched"),
        make_torrent(WAITING, "waiting");
    snprintf(path, sizeof path, "%s/given", w.directory);
    require(file_write_atomic(path, w.data, BYTES, NULL) == 0);
    struct settings settings = {.port = -1,
                                .bind = {.ip = {127, 0, 0, 1}, .family = 4},
                                .directory = w.directory,
                                .pex = true,
                                .check_invariants = true,
                                .seed = 1};
    w.s = session_new(&settings, NULL);
    require(w.s);
    add(GIVEN, &(struct add_options){.seed_mode = true});
    settle();
    require(w.t[GIVEN]->state == TORRENT_SEEDING);
}

/* ---- the peer ---------------------------------------------------------------------------- */

struct fake {
    struct stream stream;
    struct text out; /* what it says; `at` bytes of it are taken */
    size_t at;
    bool ended, closed;
    int want;
    int torrent; /* whose handshake it said last */
};

static ssize_t fake_readv(struct stream *s, const struct iovec *iov, int n) {
    struct fake *f = CONTAINER_OF(s, struct fake, stream);
    size_t got = 0;
    for (int i = 0; i < n && f->at < f->out.len; i++) {
        size_t len = MIN(iov[i].iov_len, f->out.len - f->at);
        memcpy(iov[i].iov_base, f->out.data + f->at, len);
        f->at += len, got += len;
    }
    return got ? (ssize_t)got : f->ended ? ERR_EOF : ERR_AGAIN;
}

static ssize_t fake_writev(struct stream *s, const struct iovec *iov, int n) {
    size_t len = 0;
    (void)s;
    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return (ssize_t)len;
}

static void fake_want(struct stream *s, int events) {
    CONTAINER_OF(s, struct fake, stream)->want = events;
}

static usec fake_rtt(struct stream *s) {
    (void)s;
    return 0;
}

static void fake_close(struct stream *s) {
    CONTAINER_OF(s, struct fake, stream)->closed = true;
}

static const struct stream_ops ops = {fake_readv, fake_writev, fake_want, fake_rtt,
                                      fake_close};

static struct peer *peer_of(const struct fake *f) {
    LIST_EACH(l, &w.t[f->torrent]->peers) {
        return LIST_ITEM(l, struct peer, in_torrent);
    }
    return NULL;
}

/* What was said is heard. */
static void turn(struct fake *f) {
    while (!f->closed && (f->want & STREAM_READ) && (f->at < f->out.len || f->ended))
        f->stream.hooks->on_ready(f->stream.owner, STREAM_READ);
    step(0);
}

/* ---- lawful things ----------------------------------------------------------------------- */

static void say_message(struct fake *f, int id, const void *body, uint32_t len) {
    uint8_t head[5];
    put_u32(head, len + 1), head[4] = (uint8_t)id;
    text_add(&f->out, head, sizeof head);
    text_add(&f->out, body, len);
}

static void say_extended(struct fake *f, uint8_t id, const char *data, size_t len) {
    char body[METADATA_MAX_MESSAGE + 1];
    require(len < sizeof body);
    body[0] = (char)id;
    memcpy(body + 1, data, len);
    say_message(f, WIRE_EXTENDED, body, (uint32_t)len + 1);
}

static void say_handshake(struct fake *f, uint8_t n) {
    struct handshake h = {.extensions = !(n & 0x10), .fast = !(n & 0x20)};
    uint8_t bytes[HANDSHAKE_LEN];
    f->torrent = n % TORRENTS;
    memcpy(h.info_hash, w.m[f->torrent]->info_hash, sizeof h.info_hash);
    memset(h.peer_id, 'x', sizeof h.peer_id);
    handshake_encode(bytes, &h);
    text_add(&f->out, bytes, sizeof bytes);
}

static void say_offer(struct fake *f) {
    char text[160];
    int len =
        snprintf(text, sizeof text,
                 "d1:md11:lt_donthavei3e11:upload_onlyi5e11:ut_metadatai1e6:ut_pexi2ee"
                 "13:metadata_sizei%zuee",
                 w.m[WAITING]->info_len);
    say_extended(f, EXT_HANDSHAKE, text, (size_t)len);
}

static void say_metadata(struct fake *f) {
    struct ut_metadata m = {.type = METADATA_DATA,
                            .total_size = (uint32_t)w.m[WAITING]->info_len,
                            .payload = {w.m[WAITING]->info, w.m[WAITING]->info_len}};
    struct text text;
    text_init(&text);
    ut_metadata_encode(&text, &m);
    say_extended(f, EXT_METADATA, text.data, text.len);
    text_free(&text);
}

/* The nth block that it was asked for; an odd n poisons it. */
static void say_block(struct fake *f, uint8_t n) {
    static uint8_t body[8 + WIRE_BLOCK];
    const struct peer *p = peer_of(f);
    if (!p || p->requests.count == 0)
        return;
    const struct request *q = requests_at(&p->requests, n / 2 % p->requests.count);
    put_u32(body, q->piece), put_u32(body + 4, q->begin);
    memcpy(body + 8, w.data + q->piece * PIECE + q->begin, q->length);
    body[8] ^= n & 1;
    say_message(f, WIRE_PIECE, body, 8 + q->length);
}

static void say_request(struct fake *f, uint8_t n) {
    uint8_t body[12];
    put_u32(body, n % PIECES), put_u32(body + 4, 0), put_u32(body + 8, 1000u + n);
    say_message(f, WIRE_REQUEST, body, sizeof body);
}

static void obey(struct fake *f, uint8_t order, uint8_t n) {
    switch (order) {
    case 0: say_handshake(f, n); break;
    case 1: say_message(f, WIRE_HAVE_ALL, NULL, 0); break;
    case 2: say_message(f, WIRE_UNCHOKE, NULL, 0); break;
    case 3: say_message(f, WIRE_INTERESTED, NULL, 0); break;
    case 4: say_offer(f); break;
    case 5: say_metadata(f); break;
    case 6: say_block(f, n); break;
    case 7: say_request(f, n); break;
    case 8: say_message(f, WIRE_CHOKE, NULL, 0); break;
    case 9: settle(); break;
    default:
        (void)timers_fire(loop_timers(w.s->loop),
                          session_now(w.s) + (usec)n * USEC_PER_SEC);
    }
}

/* ---- a run ------------------------------------------------------------------------------- */

static void talk(struct fake *f, const uint8_t *data, size_t size) {
    while (size >= 2 && !f->closed) {
        size_t used = MIN(1 + (size_t)data[0], size);
        if (data[0] < 0x10)
            used = 2, obey(f, data[0], data[1]);
        else
            text_add(&f->out, data + 1, used - 1);
        data += used, size -= used;
        turn(f);
    }
    f->ended = true;
    for (int i = 0; i < 10 && !f->closed; i++)
        turn(f);
}

static void bury_peers(struct fake *f) {
    while (!list_empty(&w.s->unknown))
        peer_close(LIST_ITEM(w.s->unknown.next, struct peer, in_torrent), ERR_CANCELED,
                   "");
    for (int i = 0; i < TORRENTS; i++)
        while (!list_empty(&w.t[i]->peers))
            peer_close(LIST_ITEM(w.t[i]->peers.next, struct peer, in_torrent),
                       ERR_CANCELED, "");
    require(f->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fake f = {.stream.ops = &ops};
    struct addr from = {.ip = {127, 0, 0, 7}, .port = 7, .family = 4};
    if (!w.s)
        open_world();
    add_others();
    text_init(&f.out);
    if (peer_accept(w.s, &f.stream, &from))
        talk(&f, data, size);
    else
        f.closed = true;
    bury_peers(&f);
    torrent_remove(w.t[FETCHED], true), torrent_remove(w.t[WAITING], true);
    settle();
    bans_fini(&w.s->bans);
    text_free(&f.out);
    return 0;
}
