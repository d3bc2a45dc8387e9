/* peer_extensions: what peers say to each other beyond BEP 3, each under a number that the other
 * side chose (BEP 10): metadata (BEP 9), other peers (BEP 11), pieces that are gone (BEP 54),
 * and who fetches nothing (BEP 21).
 *
 * We offer what we do. ut_holepunch (BEP 55) needs uTP: it is read, for nobody may send us
 * nonsense, and then nothing is done. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "codec/holepunch.h"
#include "engine/connect.h"
#include "engine/exchange.h"
#include "engine/mapping.h"
#include "engine/metadata.h"
#include "engine/peer.h"

#define OUR_REQQ 2000 /* upload_queue's bound */
#define MAX_BODY \
    (32768u + 1u) /* PEX_MAX_MESSAGE and its number; the longest that we read */
#define SMALL_BODY 4096u
#define MOST_FALLS 16u /* times that a seed may lose a piece and be one again */

/* ---- what we say ------------------------------------------------------------------------- */

/* BEP 21: we fetch nothing (any more), although we may not have everything. */
static bool is_upload_only(const struct torrent *t) {
    return t->state == TORRENT_FINISHED || t->state == TORRENT_SEEDING;
}

void peer_say_upload_only(struct peer *p) {
    uint8_t yes = is_upload_only(p->torrent), id = p->ext.id[EXT_UPLOAD_ONLY];
    if (p->state == PEER_READY && p->hs.extensions && id)
        peer_say_extended(p, id, &yes, 1);
}

void peer_say_donthave(struct peer *p, uint32_t piece) {
    uint8_t body[EXT_DONTHAVE_LEN];
    if (p->state != PEER_READY || !p->ext.id[EXT_DONTHAVE])
        return;
    extension_donthave_encode(body, piece);
    peer_say_extended(p, p->ext.id[EXT_DONTHAVE], body, sizeof body);
}

static void describe_us(const struct peer *p, struct extension_handshake *h) {
    const struct torrent *t = p->torrent;
    *h = (struct extension_handshake){.reqq = OUR_REQQ};
    h->id[EXT_UPLOAD_ONLY] = EXT_UPLOAD_ONLY;
    h->id[EXT_DONTHAVE] = EXT_DONTHAVE;
    if (torrent_may_use(t, SOURCE_PEX))
        h->id[EXT_PEX] = EXT_PEX;
    if (metadata_is_offered(t)) {
        h->id[EXT_METADATA] = EXT_METADATA;
        h->metadata_size = t->meta ? (uint32_t)t->meta->info_len : 0;
    }
    strcpy(h->version, "mare " MARE_VERSION);
    h->port = mapping_public_port(p->session);
    h->yourip = p->addr;
    h->upload_only = is_upload_only(t);
}

void peer_say_extensions(struct peer *p) {
    struct extension_handshake h;
    struct text t;
    if (!p->hs.extensions)
        return;
    describe_us(p, &h);
    text_init(&t);
    extension_handshake_encode(&t, &h);
    if (!t.failed)
        peer_say_extended(p, EXT_HANDSHAKE, t.data, t.len);
    text_free(&t);
}

/* ---- what they say ----------------------------------------------------------------------- */

static int on_handshake(struct peer *p, const uint8_t *data, size_t len) {
    int status = extension_handshake_decode(&p->ext, data, len);
    if (status < 0)
        return status == ERR_NOMEM ? status : ERR_PROTOCOL;
    if (p->ext.version[0])
        memcpy(p->client, p->ext.version, sizeof p->client);
    if (p->ext.upload_only >= 0)
        p->upload_only = p->ext.upload_only;
    if (p->incoming && p->ext.port)
        connect_on_listen_port(p, p->ext.port);
    if (p->ext.yourip.family)
        external_vote(p->session, &p->addr, &p->ext.yourip);
    torrent_want_turnover(p->torrent, p);
    peer_want_requests(p); /* reqq may allow more */
    exchange_on_peer(p);
    return metadata_on_peer(p);
}

static int on_metadata(struct peer *p, const uint8_t *data, size_t len) {
    return metadata_on_message(p, data, len);
}

static int on_pex(struct peer *p, const uint8_t *data, size_t len) {
    return exchange_on_message(p, data, len);
}

/* It has everything no more: it is counted piece by piece again, which costs a walk. */
static int lose_a_seed(struct peer *p, uint32_t piece) {
    struct torrent *t = p->torrent;
    if (++p->falls > MOST_FALLS)
        return ERR_LIMIT;
    picker_forget_peer(&t->picker, &p->has);
    (void)bitset_remove(&p->has, piece);
    picker_note_peer(&t->picker, &p->has);
    p->has_all_counted = false;
    peer_note_progress(p);
    return 0;
}

/* A piece is gone there. Blocks of it that were asked will be refused. */
static int on_donthave(struct peer *p, const uint8_t *data, size_t len) {
    struct torrent *t = p->torrent;
    uint32_t piece;
    if (!t->meta)
        return 0; /* rare, and told again by what it refuses */
    if (extension_donthave_decode(&piece, data, len, p->has.size) < 0)
        return ERR_PROTOCOL;
    if (!bitset_has(&p->has, piece))
        return 0;
    if (peer_is_seed(p))
        return lose_a_seed(p, piece);
    (void)bitset_remove(&p->has, piece);
    picker_note_gone(&t->picker, piece);
    return 0;
}

static int on_holepunch(struct peer *p, const uint8_t *data, size_t len) {
    struct holepunch m;
    (void)p;
    return holepunch_decode(&m, data, len) == ERR_FORMAT ? ERR_PROTOCOL : 0;
}

static int on_upload_only(struct peer *p, const uint8_t *data, size_t len) {
    if (len >= 1)
        p->upload_only = data[0] != 0;
    torrent_want_turnover(p->torrent, p);
    return 0;
}

typedef int extension_handler(struct peer *p, const uint8_t *data, size_t len);

/* By our numbers; others are of no interest. */
static int dispatch(struct peer *p, const uint8_t *data, uint32_t len) {
    static extension_handler *const table[EXT_COUNT] = {
        [EXT_HANDSHAKE] = on_handshake,
        [EXT_METADATA] = on_metadata,
        [EXT_PEX] = on_pex,
        [EXT_DONTHAVE] = on_donthave,
        [EXT_HOLEPUNCH] = on_holepunch,
        [EXT_UPLOAD_ONLY] = on_upload_only,
    };
    return data[0] < EXT_COUNT ? table[data[0]](p, data + 1, len - 1) : 0;
}

/* Nothing that we offer is longer than MAX_BODY. */
int peer_on_extended(struct peer *p, struct chunked_buffer *body, uint32_t len) {
    uint8_t small[SMALL_BODY];
    if (!p->hs.extensions || len == 0)
        return ERR_PROTOCOL;
    if (len > MAX_BODY)
        return 0;
    uint8_t *data = len <= SMALL_BODY ? small : malloc(len);
    if (!data)
        return ERR_NOMEM;
    (void)chunked_buffer_consume(body, data, len);
    int status = dispatch(p, data, len);
    if (data != small)
        free(data);
    return status;
}
