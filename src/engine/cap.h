/* cap: a torrent that may keep only so many pieces, on disk (max_disk) or in memory.
 * Nothing is fetched but what readers need; when there is no room for a piece that comes,
 * one goes that nobody needs: the one that was used longest ago. Windows are never given
 * up for it, head and tail of the files being read only when nothing else is left. What
 * goes is no longer ours: peers that understand it are told (BEP 54), others' requests
 * for it are refused. */
#ifndef MARE_CAP_H
#define MARE_CAP_H

#include "base/shared.h"
#include "codec/metainfo.h"

struct torrent;
struct add_options;

#define CAP_LEAST_PIECES 4

struct cap {
    uint64_t bytes;    /* as asked for; 0 = none */
    bool in_memory;    /* what is kept lies in memory alone */
    uint32_t pieces;   /* that may be kept; 0 = all of them */
    uint32_t *used_at; /* per piece, by `clock` */
    uint32_t clock;
    uint32_t coming;      /* verified, for which there is room, not yet ours */
    struct budget budget; /* of what is kept in memory, beside the session's */
    struct shared_pool kept;
    bool complained; /* the file system cannot make holes: said once */
};

void cap_init(struct torrent *t);
/* When the metadata is known. ERR_LIMIT with a sentence when too few pieces fit;
 * ERR_NOMEM. */
int cap_begin(struct torrent *t, const struct add_options *o, struct err *e);
void cap_fini(struct torrent *t);
static inline bool cap_is_on(const struct cap *c) {
    return c->pieces > 0;
}

/* A reader came through it. */
void cap_note_used(struct torrent *t, uint32_t piece);
/* A verified piece is about to be kept: is there room, or was some made? It is taken
 * then, until cap_give_room. */
bool cap_take_room(struct torrent *t);
void cap_give_room(struct torrent *t);
/* So many pieces that are not here may be fetched now. */
uint32_t cap_room(const struct torrent *t);
/* How many pieces of its window a reader may have, and bytes at either end of its
 * file. */
uint32_t cap_window(const struct torrent *t);
uint64_t cap_ends(const struct torrent *t, uint64_t bytes);

#endif
