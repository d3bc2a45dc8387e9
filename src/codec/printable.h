/* printable: text from strangers (torrents, trackers, peers), made fit to be shown and stored.
 *
 * Fit is valid UTF-8 without control characters (they drive terminals) and without those that
 * turn the direction of writing (they make "exe.gpj" out of "jpg.exe"). */
#ifndef MARE_PRINTABLE_H
#define MARE_PRINTABLE_H

#include "base/bytes.h"

/* Length of the character at p (1 for a byte that is none), and whether it is fit. len > 0. */
size_t printable_step(const uint8_t *p, size_t len, bool *fit);
/* Appends the text; white space becomes a blank, everything else that is unfit a '?'. */
void printable_add(struct text *out, struct span in);
/* The same into `size` bytes with the NUL, cut between characters. */
void printable_copy(char *out, size_t size, struct span in);
bool utf8_valid(struct span s);

#endif
