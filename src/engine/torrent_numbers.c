/* torrent_numbers: how much of a torrent is here, wanted and missing, in bytes; and who has all
 * of it. Counted when asked for: scripts and progress lines ask now and then. */
#include "engine/peer.h"
#include "engine/torrent.h"

static uint64_t piece_bytes(const struct torrent *t, const struct bitset *set) {
    uint32_t last = t->meta->pieces - 1;
    uint64_t bytes = (uint64_t)set->count * t->meta->piece_length;
    if (set->count > 0 && bitset_has(set, last))
        bytes -= t->meta->piece_length - metainfo_piece_size(t->meta, last);
    return bytes;
}

uint64_t torrent_bytes_have(const struct torrent *t) {
    return t->meta && t->meta->pieces ? piece_bytes(t, &t->have) : 0;
}

static uint64_t sum_wanted(const struct torrent *t, bool missing_only) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; t->meta && i < t->meta->pieces; i++)
        if (picker_priority(&t->picker, i) > 0 &&
            !(missing_only && bitset_has(&t->have, i)))
            bytes += metainfo_piece_size(t->meta, i);
    return bytes;
}

uint64_t torrent_bytes_wanted(const struct torrent *t) {
    return sum_wanted(t, false);
}

uint64_t torrent_bytes_left(const struct torrent *t) {
    return picker_done(&t->picker) ? 0 : sum_wanted(t, true);
}

uint64_t torrent_file_have(const struct torrent *t, uint32_t file) {
    const struct metainfo_file *f = &t->meta->files[file];
    uint32_t first, end;
    uint64_t bytes = 0;
    metainfo_file_pieces(t->meta, file, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        uint64_t from = (uint64_t)i * t->meta->piece_length;
        uint64_t to = from + metainfo_piece_size(t->meta, i);
        if (bitset_has(&t->have, i))
            bytes += MIN(to, f->offset + f->length) - MAX(from, f->offset);
    }
    return bytes;
}

uint32_t torrent_seeds_connected(const struct torrent *t) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        n += p->state == PEER_READY && peer_is_seed(p);
    }
    return n;
}
