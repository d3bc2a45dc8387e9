/* suggest: "did you mean" for a misspelt option or property. */
#ifndef MARE_SUGGEST_H
#define MARE_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *wanted;
    const char *best; /* NULL: nothing is near */
    size_t distance;
};

void suggest_init(struct suggestion *s, const char *wanted);
void suggest_try(struct suggestion *s, const char *name);

#endif
