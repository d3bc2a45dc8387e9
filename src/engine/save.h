/* save: resume state to and from disk, at the right moments: every 30 s while something changes,
 * when a download ends, at a pause, and at the end. */
#ifndef MARE_SAVE_H
#define MARE_SAVE_H

#include "engine/torrent.h"

void save_init(struct torrent *t);
/* Reads the resume file if there is one into t->resume (blocking, small); a broken one is reported
 * and leads to a full check. Takes over totals, priorities, addresses and changed trackers. */
void save_load(struct torrent *t);
void save_forget(struct torrent *t); /* deletes the files (blocking) */

#endif
