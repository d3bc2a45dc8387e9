/* limits: rate limits. A peer's bytes are paid from its torrent's bucket and the session's. A
 * peer that finds one empty waits on a list; one timer per direction lets them go on. */
#ifndef MARE_LIMITS_H
#define MARE_LIMITS_H

#include "base/base.h"

struct peer;
struct session;

void limits_init(struct session *s);
/* How many bytes this peer may receive now; SIZE_MAX without limits, 0 = wait. */
size_t limits_down(struct peer *p);
void limits_took_down(struct peer *p, size_t n);
void limits_wait_down(struct peer *p); /* onto the list, with the timer set */
bool limits_is_waiting_down(const struct peer *p);

size_t limits_up(struct peer *p);
void limits_took_up(struct peer *p, size_t n);
void limits_wait_up(struct peer *p);
/* Waits for something else that passes by itself soon (memory for a flight). */
void limits_wait_up_for(struct peer *p, usec delay);
bool limits_is_waiting_up(const struct peer *p);
void limits_release(struct session *s); /* limits changed: everybody may try again */

#endif
