/* timers: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986). Each timer is the root of a
 * heap whose children are a list; the parent is never due after its children:
 *
 *      root
 *       | child            prev of a first child is its parent,
 *       v                  of any other one the sibling before it
 *       a <-> b <-> c
 *       |           |
 *       d           e <-> f
 *
 * Adding is one comparison, removing joins the orphaned children in pairs: amortised O(log n). */
#include "base/timers.h"

void timers_init(struct timers *heap) {
    heap->root = NULL;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t, usec now)) {
    *t = (struct timer){.due = USEC_NEVER, .fire = fire};
}

/* Two heaps become one: the later root becomes the first child of the earlier. */
static struct timer *join(struct timer *a, struct timer *b) {
    if (!a || !b)
        return a ? a : b;
    if (b->due < a->due) {
        struct timer *later = a;
        a = b, b = later;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

/* Takes the first of a list of siblings off it. */
static struct timer *shift(struct timer **siblings) {
    struct timer *t = *siblings;
    if (t) {
        *siblings = t->next;
        t->next = t->prev = NULL;
    }
    return t;
}

/* One heap of a list of siblings: in pairs from the left, then the pairs from the right. A loop,
 * not a recursion, because a thousand siblings are nothing special. */
static struct timer *join_all(struct timer *siblings) {
    struct timer *pairs = NULL, *whole = NULL;
    while (siblings) {
        struct timer *a = shift(&siblings);
        struct timer *pair = join(a, shift(&siblings));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs)
        whole = join(whole, shift(&pairs));
    return whole;
}

/* Cuts t and what is below it out of the list of siblings that it stands in. */
static void unlink_timer(struct timer *t) {
    if (t->prev->child == t)
        t->prev->child = t->next;
    else
        t->prev->next = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->next = t->prev = NULL;
}

void timer_stop(struct timers *heap, struct timer *t) {
    if (!timer_is_set(t))
        return;
    struct timer *orphans = join_all(t->child);
    if (t == heap->root) {
        heap->root = orphans;
    } else {
        unlink_timer(t);
        heap->root = join(heap->root, orphans);
    }
    t->child = NULL;
    t->due = USEC_NEVER;
}

void timer_set(struct timers *heap, struct timer *t, usec due) {
    timer_stop(heap, t);
    if (due == USEC_NEVER)
        return;
    t->due = due;
    heap->root = join(heap->root, t);
}

usec timers_due(const struct timers *heap) {
    return heap->root ? heap->root->due : USEC_NEVER;
}

/* Moves the timers that are due out of the heap, to be the children of `due` in order. */
static void take_due(struct timers *heap, usec now, struct timer *due) {
    struct timer *last = NULL;
    while (heap->root && heap->root->due <= now) {
        struct timer *t = heap->root;
        heap->root = join_all(t->child);
        t->child = NULL;
        t->prev = last ? last : due;
        if (last)
            last->next = t;
        else
            due->child = t;
        last = t;
    }
}

/* What is due leaves the heap before anything runs: a timer set by a function that runs here
 * waits for the next call. Those still waiting for their turn hang below a parent of our own,
 * so that timer_stop and timer_set find them linked as in the heap. */
int timers_fire(struct timers *heap, usec now) {
    struct timer due = {.due = USEC_NEVER};
    int fired = 0;
    take_due(heap, now, &due);
    for (struct timer *t; (t = due.child); fired++) {
        unlink_timer(t);
        t->due = USEC_NEVER;
        t->fire(t, now);
    }
    return fired;
}
