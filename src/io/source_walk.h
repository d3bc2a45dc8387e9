/* source_walk: all files of a folder and its folders, in natural order. */
#ifndef MARE_SOURCE_WALK_H
#define MARE_SOURCE_WALK_H

#include "io/source.h"

/* Adds the files below s->root. */
int source_walk(struct source *s, source_note *note, void *ctx, struct err *e) MUST_USE;

#endif
