/* list: an intrusive doubly linked list. The link lives in the thing that is listed, so adding
 * and removing never allocate and never fail, and removing needs no search. */
#ifndef MARE_LIST_H
#define MARE_LIST_H

#include "base/base.h"

struct link {
    struct link *prev, *next;
};

static inline void list_init(struct link *head) {
    head->prev = head->next = head;
}
static inline bool list_empty(const struct link *head) {
    return head->next == head;
}
static inline void list_insert(struct link *before, struct link *l) {
    l->prev = before->prev, l->next = before;
    l->prev->next = l, before->prev = l;
}
static inline void list_append(struct link *head, struct link *l) {
    list_insert(head, l);
}
/* Idempotent: a removed link is an empty list of its own. */
static inline void list_remove(struct link *l) {
    l->prev->next = l->next, l->next->prev = l->prev;
    list_init(l);
}
static inline struct link *list_shift(struct link *head) {
    struct link *l = head->next;
    if (l == head)
        return NULL;
    list_remove(l);
    return l;
}

#define LIST_ITEM(l, type, member) CONTAINER_OF(l, type, member)
/* The body may remove `l` itself, nothing else. */
#define LIST_EACH(l, head)                                                \
    for (struct link *l = (head)->next, *l##_next = l->next; l != (head); \
         l = l##_next, l##_next = l->next)

#endif
