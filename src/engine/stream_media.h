/* stream_media: which files of a torrent a player is given, and in which order. */
#ifndef MARE_STREAM_MEDIA_H
#define MARE_STREAM_MEDIA_H

#include "codec/metainfo.h"

#define STREAM_NO_FILE UINT32_MAX

struct stream_media {
    uint32_t file;   /* in the metainfo */
    uint32_t number; /* as people count: from 1, without padding */
    const char *path;
};

/* Video and audio in natural order, without samples (unless there is nothing else): how many, and
 * room for so many filled. */
uint32_t stream_media_count(const struct metainfo *m);
void stream_media_list(const struct metainfo *m, struct stream_media *out);
/* The largest of them; without any, the largest file; STREAM_NO_FILE if there is none. */
uint32_t stream_media_main(const struct metainfo *m);

/* Between people's numbers and ours. STREAM_NO_FILE: no such file. */
uint32_t stream_file_of_number(const struct metainfo *m, uint64_t number);
uint32_t stream_number_of_file(const struct metainfo *m, uint32_t file);

#endif
