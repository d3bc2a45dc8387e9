/* slots: numbers instead of pointers between long-lived objects. A handle names one object for
 * ever: after the object is removed its handle finds nothing, also when the slot is used anew
 * (the generation differs). Lua boxes and jobs hold handles, so nothing dangles. */
#ifndef MARE_SLOTS_H
#define MARE_SLOTS_H

#include "base/base.h"

typedef uint64_t handle; /* generation << 32 | index + 1; 0 is never a handle */

struct slots {
    struct slot *slot;
    uint32_t cap, free_head, count;
};

void slots_init(struct slots *s);
void slots_fini(struct slots *s);
handle slots_add(struct slots *s, void *object);  /* 0 when out of memory */
void *slots_get(const struct slots *s, handle h); /* NULL if it is gone */
void slots_remove(struct slots *s, handle h);
/* Walks the objects: start with *at = 0; NULL at the end. Removing the one just returned is
 * allowed. */
void *slots_each(const struct slots *s, uint32_t *at);

#endif
