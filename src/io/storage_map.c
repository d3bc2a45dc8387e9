/* storage_map: which bytes of which files a range of the torrent is.
 *
 *     range          [--------------------------------------]
 *     files       [ 0   ][pad][ 1 skipped ][ 2 skipped ][ 3      ]
 *     segments       [0 ][pad][ parts                  ][ 3 ]
 *
 * Neighbours in the parts file are one segment: it has the torrent's own offsets. */
#include "io/storage_parts.h"

void segments_init(struct segments *g, const struct storage *s, uint64_t offset,
                   uint64_t length) {
    *g = (struct segments){.s = s, .at = offset, .end = offset + length};
    if (length)
        g->file = metainfo_file_at(s->m, offset);
}

static const struct metainfo_file *current(const struct segments *g) {
    return &g->s->m->files[g->file];
}

/* Bytes of the current file from `at` on, within the range. */
static uint64_t rest(const struct segments *g) {
    const struct metainfo_file *f = current(g);
    uint64_t in_file = f->offset + f->length - g->at;
    return MIN(in_file, g->end - g->at);
}

static bool in_parts(const struct segments *g) {
    return !(current(g)->flags & FILE_PAD) && !bitset_has(&g->s->in_place, g->file);
}

/* Moves on by what was taken, then over files that are used up or empty. */
static void advance(struct segments *g, uint64_t taken) {
    g->at += taken;
    while (g->at < g->end && !rest(g))
        g->file++;
}

bool segments_next(struct segments *g, struct segment *out) {
    if (g->at == g->end)
        return false;
    uint64_t begin = g->at;
    const struct metainfo_file *f = current(g);
    *out = (struct segment){
        .pad = f->flags & FILE_PAD, .file = g->file, .offset = begin - f->offset};
    if (in_parts(g)) {
        out->file = storage_parts_file(g->s);
        out->offset = begin;
        while (g->at < g->end && in_parts(g))
            advance(g, rest(g));
    } else {
        advance(g, rest(g));
    }
    out->length = g->at - begin;
    return true;
}
