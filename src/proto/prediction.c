/* prediction: see the header. */
#include "proto/prediction.h"

void prediction_init(struct prediction *p, uint32_t limit) {
    *p = (struct prediction){
        .window = PREDICTION_FIRST, .limit = limit, .needed = PREDICTION_LEAST};
}

static void count(struct prediction *p) {
    p->run += p->run < UINT32_MAX;
}

void prediction_note_hit(struct prediction *p) {
    count(p);
}

void prediction_note_full_read(struct prediction *p) {
    p->window += p->window < p->limit;
}

void prediction_note_miss(struct prediction *p) {
    bool worth_it = p->run / PREDICTION_WORTH >= p->needed;
    if (worth_it)
        p->needed = MAX(p->needed / 2, PREDICTION_LEAST);
    else if (p->run < p->needed * PREDICTION_WORTH / 2)
        p->needed = MIN(p->needed * 2, PREDICTION_MOST);
    p->run = 0;
    p->resting = true;
}

void prediction_note_watched(struct prediction *p, bool as_expected) {
    if (!p->resting)
        return;
    if (as_expected)
        count(p);
    else
        p->run = 0;
    if (p->run < p->needed)
        return;
    p->resting = false;
    p->run = 0;
    p->window = MIN(PREDICTION_FIRST, p->limit);
}
