/* mapping: our port as the world sees it: the session's side of io/portmap. Nothing is asked when
 * we listen on nothing, or only to ourselves. What the router says is told to trackers and peers
 * as our port, if it is another one. */
#ifndef MARE_MAPPING_H
#define MARE_MAPPING_H

#include "engine/session.h"

/* EVENT_PORTMAP tells how it went. */
void mapping_begin(struct session *s);
void mapping_end(struct session *s); /* what is mapped is to be taken back */
bool mapping_busy(const struct session *s);
void mapping_leave(struct session *s); /* does not wait any more */
/* Where others reach us: the router's port, else our own; 0 = not listening. */
uint16_t mapping_public_port(const struct session *s);

#endif
