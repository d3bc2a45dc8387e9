/* throwaway: see the header. */
#include "engine/throwaway.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "io/file.h"
#include "io/marker.h"

#define SUFFIX "throwaway"

/* ---- marking ----------------------------------------------------------------------- */

/* directory NUL info */
static uint8_t *describe(const struct torrent *t, size_t *len) {
    char *directory = marker_absolute(storage_directory(t->storage));
    size_t head = directory ? strlen(directory) + 1 : 0;
    uint8_t *data = directory ? malloc(head + t->meta->info_len) : NULL;
    if (data) {
        memcpy(data, directory, head);
        memcpy(data + head, t->meta->info, t->meta->info_len);
        *len = head + t->meta->info_len;
    }
    free(directory);
    return data;
}

/* What cannot be marked is deleted all the same, unless we crash. */
static void mark(struct torrent *t, const char *state) {
    struct err e = {0};
    size_t len = 0;
    char *path = resume_path(state, t->info_hash, SUFFIX);
    uint8_t *data = describe(t, &len);
    if (path && data)
        t->marker = marker_hold(path, data, len, &e);
    else
        err_set(&e, ERR_NOMEM, "out of memory");
    if (!t->marker)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, e.code,
                      "%s; should the program crash, the data stays", e.text);
    free(path);
    free(data);
}

void throwaway_on_prepared(struct torrent *t, bool found) {
    const char *state = t->session->settings.state;
    if (!t->throwaway || t->data_is_ours || t->cap.in_memory)
        return;
    t->data_is_ours = !found;
    if (found) {
        t->throwaway = false;
        session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_EXISTS,
                      "%s was in %s before: it will not be deleted", t->meta->name,
                      storage_directory(t->storage));
    } else if (state) {
        mark(t, state);
    }
}

void throwaway_forget(struct torrent *t) {
    marker_free(t->marker, true);
    t->marker = NULL;
}

void throwaway_remove_all(struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        struct torrent *t = LIST_ITEM(l, struct torrent, in_session);
        if (t->throwaway && t->data_is_ours)
            torrent_remove(t, true);
    }
}

/* ---- sweeping ---------------------------------------------------------------------- */

struct sweep {
    struct storage_remove remove;
    struct storage *storage;
    bool done;
};

static void on_removed(struct storage_op *op) {
    CONTAINER_OF(op, struct sweep, remove.op)->done = true;
}

/* Deletes the files; turns the loop, in which nothing else lives yet, until they are
 * gone. */
static int sweep_files(struct session *s, const char *directory, const char *parts,
                       struct metainfo *m) {
    struct sweep w = {.done = false};
    struct bitset wanted = {0};
    if (bitset_init(&wanted, m->file_count) < 0)
        return ERR_NOMEM;
    bitset_fill(&wanted);
    w.storage = storage_new(s->loop, m, directory, parts, STORAGE_SPARSE, &wanted);
    w.remove.op.done = on_removed;
    int status = w.storage ? storage_remove(w.storage, &w.remove) : ERR_NOMEM;
    while (status == 0 && !w.done)
        (void)loop_step(s->loop, 100 * USEC_PER_MSEC);
    if (w.storage)
        storage_drop(w.storage);
    bitset_fini(&wanted);
    return status < 0 ? status : w.remove.op.status;
}

static void forget_state(const struct session *s, const uint8_t info_hash[SHA1_LEN]) {
    static const char *const suffixes[] = {"resume", "torrent"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *path = resume_path(s->settings.state, info_hash, suffixes[i]);
        if (path)
            (void)file_remove(path);
        free(path);
    }
}

/* False: try again at the next start. */
static bool sweep_one(struct session *s, const uint8_t *data, size_t len) {
    const uint8_t *end = memchr(data, '\0', len);
    struct metainfo *m;
    if (!end || end == data ||
        metainfo_parse_info(&m, end + 1, len - (size_t)(end + 1 - data), NULL) < 0)
        return true; /* nothing that we wrote: it would never be of use */
    char *parts = resume_path(s->settings.state, m->info_hash, "parts");
    int status = parts ? sweep_files(s, (const char *)data, parts, m) : ERR_NOMEM;
    if (status == 0)
        forget_state(s, m->info_hash);
    else
        session_event(s, EVENT_ERROR, NULL, NULL, 0, status,
                      "what is left of %s in %s could not be deleted", m->name,
                      (const char *)data);
    free(parts);
    metainfo_drop(m);
    return status == 0;
}

static void on_marker(void *ctx, const char *path) {
    struct session *s = ctx;
    uint8_t *data = NULL;
    size_t len;
    struct marker *m = marker_claim(path, &data, &len);
    if (m)
        marker_free(m, sweep_one(s, data, len));
    free(data);
}

void throwaway_sweep(struct session *s) {
    if (s->settings.state)
        marker_list(s->settings.state, "." SUFFIX, on_marker, s);
}
