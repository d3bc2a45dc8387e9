#include "lua/suggest.h"

#include <string.h>

#define LONGEST 31 /* names of ours are shorter; a longer word has no neighbour */

static size_t least(size_t a, size_t b, size_t c) {
    size_t n = a < b ? a : b;
    return n < c ? n : c;
}

/* Letters to insert, drop or change (Levenshtein), one row at a time. */
static size_t distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), row[LONGEST + 1];
    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, change);
        }
    }
    return row[nb];
}

void suggest_init(struct suggestion *s, const char *wanted) {
    s->wanted = wanted;
    s->best = NULL;
    s->distance = least(strlen(wanted) / 2, 3, 3); /* further away it is another word */
}

void suggest_try(struct suggestion *s, const char *name) {
    size_t d = distance(s->wanted, name);
    if (d < s->distance || (d == s->distance && !s->best)) {
        s->distance = d;
        s->best = name;
    }
}
