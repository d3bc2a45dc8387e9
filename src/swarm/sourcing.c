/* sourcing: see the header. */
#include "swarm/sourcing.h"

#define EVERYBODY UINT32_MAX

static struct sourced *find(const struct sourcing *s, uint32_t piece) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->of[i].piece == piece)
            return (struct sourced *)&s->of[i];
    return NULL;
}

void sourcing_begin(struct sourcing *s, const uint32_t *pieces, uint32_t n) {
    struct sourcing old = *s;
    s->n = MIN(n, SOURCING_PIECES);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct sourced *known = find(&old, pieces[i]);
        s->of[i] = (struct sourced){.piece = pieces[i],
                                    .rounds = known ? known->rounds : 0,
                                    .allowed = EVERYBODY};
    }
}

/* Whoever has no score stands at 0; among equals the faster, then the one first asked about. */
static bool is_better(const struct verdict *a, const struct peer_row *ra,
                      const struct verdict *b, const struct peer_row *rb) {
    double sa = verdict_score(a), sb = verdict_score(b);
    return sa > sb || (sa >= sb && ra->download_rate > rb->download_rate);
}

/* Into `order` the numbers of the rows that may, best first. */
static uint32_t rank(const struct peer_row *rows, const struct verdict *verdicts,
                     uint32_t n, uint32_t order[SOURCING_PEERS]) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = kept;
        if (verdicts[i].kind == VERDICT_NEVER)
            continue;
        for (; at > 0 && is_better(&verdicts[i], &rows[i], &verdicts[order[at - 1]],
                                   &rows[order[at - 1]]);
             at--)
            order[at] = order[at - 1];
        order[at] = i;
        kept++;
    }
    return kept;
}

static bool says_nothing(const struct verdict *verdicts, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (verdicts[i].kind != VERDICT_OWN)
            return false;
    return true;
}

void sourcing_adopt(struct sourcing *s, uint32_t piece, const struct peer_row *rows,
                    const struct verdict *verdicts, uint32_t n) {
    uint32_t order[SOURCING_PEERS];
    struct sourced *of = find(s, piece);
    n = MIN(n, SOURCING_PEERS);
    if (!of || (n > 0 && says_nothing(verdicts, n)))
        return;
    uint32_t kept = rank(rows, verdicts, n, order);
    for (uint32_t i = 0; i < kept; i++)
        of->peer[i] = rows[order[i]].peer;
    of->allowed = MIN(kept, SOURCING_FIRST << MIN(of->rounds, 8u));
    of->rounds++;
}

enum sourcing_word sourcing_word(const struct sourcing *s, uint32_t piece, handle peer) {
    const struct sourced *of = s ? find(s, piece) : NULL;
    if (!of || of->allowed == EVERYBODY)
        return SOURCING_SILENT;
    for (uint32_t i = 0; i < of->allowed; i++)
        if (of->peer[i] == peer)
            return SOURCING_YES;
    return SOURCING_NO;
}
