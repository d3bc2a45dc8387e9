#include "engine/stream_media.h"

#include <stdlib.h>

#include "codec/media.h"

static bool is_media(const struct metainfo_file *f) {
    return file_is_visible(f) && media_is_playable(media_kind(f->path));
}

/* Samples count when a torrent consists of nothing else. */
static bool has_real_media(const struct metainfo *m) {
    for (uint32_t i = 0; i < m->file_count; i++)
        if (is_media(&m->files[i]) && !media_is_sample(m->files[i].path))
            return true;
    return false;
}

static bool is_chosen(const struct metainfo_file *f, bool samples) {
    return is_media(f) && (samples || !media_is_sample(f->path));
}

static int compare(const void *a, const void *b) {
    const struct stream_media *x = a, *y = b;
    return media_compare(x->path, y->path);
}

uint32_t stream_media_count(const struct metainfo *m) {
    bool samples = !has_real_media(m);
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->file_count; i++)
        count += is_chosen(&m->files[i], samples);
    return count;
}

void stream_media_list(const struct metainfo *m, struct stream_media *out) {
    bool samples = !has_real_media(m);
    uint32_t count = 0, number = 0;
    for (uint32_t i = 0; i < m->file_count; i++) {
        number += file_is_visible(&m->files[i]);
        if (is_chosen(&m->files[i], samples))
            out[count++] = (struct stream_media){i, number, m->files[i].path};
    }
    qsort(out, count, sizeof *out, compare);
}

/* 0 padding, 1 any file, 2 a sample, 3 what people came for. */
static int rank(const struct metainfo_file *f) {
    if (!file_is_visible(f))
        return 0;
    return !is_media(f) ? 1 : media_is_sample(f->path) ? 2 : 3;
}

uint32_t stream_media_main(const struct metainfo *m) {
    uint32_t best = STREAM_NO_FILE;
    int best_rank = 0;
    for (uint32_t i = 0; i < m->file_count; i++) {
        int r = rank(&m->files[i]);
        if (r > best_rank ||
            (r && r == best_rank && m->files[i].length > m->files[best].length)) {
            best = i;
            best_rank = r;
        }
    }
    return best;
}

uint32_t stream_file_of_number(const struct metainfo *m, uint64_t number) {
    for (uint32_t i = 0; number && i < m->file_count; i++)
        if (file_is_visible(&m->files[i]) && --number == 0)
            return i;
    return STREAM_NO_FILE;
}

uint32_t stream_number_of_file(const struct metainfo *m, uint32_t file) {
    uint32_t n = 1;
    for (uint32_t i = 0; i < file; i++)
        n += file_is_visible(&m->files[i]);
    return n;
}
