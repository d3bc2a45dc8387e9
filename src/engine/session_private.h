/* session_private: the parts of a step that its end goes through as well. */
#ifndef MARE_SESSION_PRIVATE_H
#define MARE_SESSION_PRIVATE_H

#include "engine/session.h"

/* One step, whoever asks: waits at most so long. Not from inside itself. */
void session_turn(struct session *s, usec wait);
/* Frees peers and torrents that are on the lists of the dying. */
void session_bury(struct session *s);

#endif
