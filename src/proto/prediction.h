/* prediction: how far the order of a peer's answers may be trusted.
 *
 * A right guess saves a copy and a system call a block. A wrong one costs: what came behind it must
 * be moved. So a window, in blocks, grows by one with each read of hits alone, and a miss ends
 * it: then nothing is predicted, a read goes just up to the next header, and the answers are
 * watched. When enough in a row came in the order that would have been predicted, it is tried
 * again. How many are enough is learned: twice as many after a run that was not worth it, half
 * as many after a long one. A peer in order (most are) rests for eight blocks after a stray
 * message; one whose disk threads shuffle its answers is soon left alone. */
#ifndef MARE_PREDICTION_H
#define MARE_PREDICTION_H

#include "base/base.h"

#define PREDICTION_FIRST 4 /* blocks in the first read that is predicted */
#define PREDICTION_LEAST \
    8 /* answers in order that end a rest, when all went well before */
#define PREDICTION_MOST 4096
#define PREDICTION_WORTH 16 /* a run that long, in rests, was worth the miss at its end */

struct prediction {
    uint32_t window; /* blocks that may be predicted in one read */
    uint32_t limit;  /* the most of them */
    uint32_t run;    /* answers in a row as expected */
    uint32_t needed; /* so many end a rest */
    bool resting;
};

void prediction_init(struct prediction *p, uint32_t limit);
/* So many blocks may be predicted now; 0 while resting. */
static inline uint32_t prediction_window(const struct prediction *p) {
    return p->resting ? 0 : p->window;
}
void prediction_note_hit(struct prediction *p);
void prediction_note_full_read(struct prediction *p); /* every slot of a read was a hit */
void prediction_note_miss(struct prediction *p);
/* While resting: a block came, and it was (not) the one that was expected. */
void prediction_note_watched(struct prediction *p, bool as_expected);

#endif
