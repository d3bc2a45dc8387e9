/* policy_rows: see the header. */
#include "engine/policy_rows.h"

#include <stdlib.h>
#include <string.h>

#include "engine/encryption.h"
#include "engine/peer.h"

static usec since(usec now, usec then) {
    return then ? now - then : USEC_NEVER;
}

static uint64_t average(uint64_t total, usec time) {
    return (uint64_t)((double)total * (double)USEC_PER_SEC /
                      (double)MAX(time, USEC_PER_SEC));
}

static uint32_t sources_of(const struct peer *p) {
    return p->candidate && !p->incoming ? p->candidate->sources : SOURCE_INCOMING;
}

/* MSE may end its handshake and leave the rest in the clear. */
static bool is_encrypted(const struct peer *p) {
    const char *name = encryption_name(p);
    return name && strcmp(name, "rc4") == 0;
}

static void fill_traffic(const struct peer *p, struct peer_row *row, usec now) {
    row->connected_for = now - p->connected_at;
    row->download_rate = meter_rate(&p->down, now);
    row->upload_rate = meter_rate(&p->up, now);
    row->downloaded = p->down.total, row->uploaded = p->up.total;
    row->download_average = average(p->down.total, row->connected_for);
    row->upload_average = average(p->up.total, row->connected_for);
    row->received_round = p->down.total - p->received_at_round;
    row->sent_round = p->up.total - p->sent_at_round;
    row->outstanding = p->requests.live, row->depth = p->requests.depth;
    row->asked = p->uploads.count;
    row->rtt = p->requests.rtt_smooth ? p->requests.rtt_smooth : USEC_NEVER;
    row->last_block = since(now, p->last_block_at);
    row->last_upload = since(now, p->last_upload_at);
    row->blocks = p->blocks, row->hash_fails = p->hash_fails;
    row->duplicates = p->duplicate_blocks, row->unrequested = p->unrequested_blocks;
}

void peer_fill_row(const struct peer *p, struct peer_row *row) {
    usec now = session_now(p->session);
    *row = (struct peer_row){
        .peer = p->id,
        .addr = p->addr,
        .sources = sources_of(p),
        .client = p->client,
        .id = p->hs.peer_id,
        .state = peer_state_name(p->state),
        .transport = "tcp",
        .encryption = encryption_name(p),
        .encrypted = is_encrypted(p),
        .incoming = p->incoming,
        .choked = p->choked,
        .choking = p->choking,
        .interested = p->interested,
        .peer_interested = p->peer_interested,
        .optimistic = p->optimistic,
        .upload_only = p->upload_only,
        .is_seed = peer_is_seed(p),
        .snubbed = p->requests.snubbed,
        .has = &p->has,
        .progress = peer_progress(p),
        .unchoked_for = p->choking ? USEC_NEVER : now - p->unchoked_at,
        .waiting_for = since(now, p->waiting_since),
    };
    fill_traffic(p, row, now);
}

/* ---- pieces ----------------------------------------------------------------------------- */

static uint32_t bytes_received(const struct torrent *t, const struct piece_row *row) {
    const struct active_piece *open = active_pieces_get(&t->open, row->index);
    if (row->state == PIECE_MISSING)
        return 0;
    return open && row->state == PIECE_ACTIVE ? open->buffered : row->length;
}

void piece_fill_row(const struct torrent *t, uint32_t piece, struct piece_row *row) {
    usec at = picker_deadline(&t->picker, piece);
    *row = (struct piece_row){
        .index = piece,
        .length = (uint32_t)metainfo_piece_size(t->meta, piece),
        .offset = (uint64_t)piece * t->meta->piece_length,
        .hash = metainfo_hash(t->meta, piece),
        .state = picker_state(&t->picker, piece),
        .availability = picker_availability(&t->picker, piece),
        .priority = picker_priority(&t->picker, piece),
        .deadline = at == USEC_NEVER ? USEC_NEVER : at - session_now(t->session),
    };
    row->received = bytes_received(t, row);
}

/* ---- candidates ------------------------------------------------------------------------- */

void address_fill_row(const struct torrent *t, const struct addr *a, uint32_t sources,
                      struct candidate_row *row) {
    const struct roster *r = &t->roster;
    *row = (struct candidate_row){
        .addr = *a,
        .sources = sources,
        .last_tried = USEC_NEVER,
        .priority = peer_priority(a->family == 4 ? &r->own4 : &r->own6, a),
    };
}

void candidate_fill_row(const struct torrent *t, const struct candidate *c,
                        struct candidate_row *row) {
    usec now = session_now(t->session);
    address_fill_row(t, &c->addr, c->sources, row);
    row->upload_only = c->upload_only;
    row->failures = c->failures;
    row->last_tried = since(now, c->last_tried);
    row->last_seen = since(now, c->last_seen);
}

/* ---- lore ------------------------------------------------------------------------------- */

static uint32_t holders(void *owner, uint32_t piece, handle *out, uint32_t max) {
    const struct torrent *t = owner;
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (n < max && p->state == PEER_READY && bitset_has(&p->has, piece))
            out[n++] = p->id;
    }
    return n;
}

/* Files lie in order of their offsets: the first whose end is beyond the piece's begin. */
static uint32_t files(void *owner, uint32_t piece, uint32_t *first) {
    const struct metainfo *m = ((const struct torrent *)owner)->meta;
    uint64_t from = (uint64_t)piece * m->piece_length;
    uint64_t to = from + metainfo_piece_size(m, piece);
    uint32_t low = 0, high = m->file_count, n = 0;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (m->files[mid].offset + m->files[mid].length <= from)
            low = mid + 1;
        else
            high = mid;
    }
    *first = low;
    while (low + n < m->file_count && m->files[low + n].offset < to)
        n++;
    return n;
}

struct policy_lore torrent_lore(struct torrent *t) {
    return (struct policy_lore){t, holders, files, NULL};
}

/* ---- a round about peers ---------------------------------------------------------------- */

bool peer_judging_begin(struct peer_judging *j, struct torrent *t) {
    uint32_t cap = MAX(t->ready_count, 1u);
    *j = (struct peer_judging){.torrent = t, .cap = cap};
    j->row = malloc(cap * sizeof *j->row);
    j->verdict = malloc(cap * sizeof *j->verdict);
    if (j->row && j->verdict)
        return true;
    peer_judging_end(j);
    return false;
}

void peer_judging_add(struct peer_judging *j, const struct peer *p) {
    if (j->n < j->cap)
        peer_fill_row(p, &j->row[j->n++]);
}

bool peer_judging_ask(struct peer_judging *j, enum policy_question q,
                      const struct piece_row *piece) {
    struct policy_lore lore = torrent_lore(j->torrent);
    const struct policy_ask ask = {
        .question = q,
        .torrent = j->torrent->id,
        .peers = j->row,
        .pieces = piece,
        .n = j->n,
        .lore = &lore,
        .verdicts = j->verdict,
    };
    return policy_ask(&j->torrent->session->policy, &ask);
}

void peer_judging_end(struct peer_judging *j) {
    free(j->row);
    free(j->verdict);
    *j = (struct peer_judging){.n = 0};
}
