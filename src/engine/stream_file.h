/* stream_file: a file's bytes on their way to a client.
 *
 *     all of the range on disk, and in the page cache    a descriptor is lent by the storage (a job),
 *                                                        then sendfile
 *     else    a reader: what is on disk is read by workers, what is not here its window fetches
 *
 * A player that jumps opens a new connection and leaves the old one. Its readers are one group (same
 * address, same program, same file), so that the new one has priority even before the old
 * one's end is heard of. */
#ifndef MARE_STREAM_FILE_H
#define MARE_STREAM_FILE_H

#include "codec/http_range.h"
#include "engine/reader.h"
#include "engine/stream_server.h"

struct feed {
    struct link link; /* in server->streams */
    struct stream_server *server;
    struct http_request *request;
    handle torrent;
    uint32_t file;
    struct http_range range;
    bool partial;            /* 206 */
    uint64_t left;           /* not yet read */
    struct reader *reader;   /* NULL: sendfile, or HEAD */
    struct view view;        /* what the reader gave and is not sent */
    struct lending *lending; /* a job */
    bool ending;
};

/* For data that is not here yet. */
static inline bool stream_waits(const struct feed *s) {
    return s->reader && s->reader->waiting_since;
}

#endif
