/* policy_rows: the engine's objects as the rows that judges see (swarm/policy.h). Rows point into
 * the objects (client, pieces): they are snapshots of a moment in which nothing moves. */
#ifndef MARE_POLICY_ROWS_H
#define MARE_POLICY_ROWS_H

#include "engine/torrent.h"
#include "swarm/policy.h"

struct peer;

void peer_fill_row(const struct peer *p, struct peer_row *row);
void piece_fill_row(const struct torrent *t, uint32_t piece, struct piece_row *row);
void candidate_fill_row(const struct torrent *t, const struct candidate *c,
                        struct candidate_row *row);
/* Of an address that is no candidate (yet). */
void address_fill_row(const struct torrent *t, const struct addr *a, uint32_t sources,
                      struct candidate_row *row);
/* Who holds a piece, which files it lies in; its owner is the torrent. */
struct policy_lore torrent_lore(struct torrent *t);

/* One round about peers: begin, add each, ask, read verdict[i] of row[i], end. */
struct peer_judging {
    struct torrent *torrent;
    struct peer_row *row;
    struct verdict *verdict;
    uint32_t n, cap;
};
bool peer_judging_begin(struct peer_judging *j, struct torrent *t); /* false: no memory */
void peer_judging_add(struct peer_judging *j, const struct peer *p);
/* `piece`: what for (SOURCE), or NULL. Without an answer the verdicts are all OWN, and it is false. */
bool peer_judging_ask(struct peer_judging *j, enum policy_question q,
                      const struct piece_row *piece);
void peer_judging_end(struct peer_judging *j);

#endif
