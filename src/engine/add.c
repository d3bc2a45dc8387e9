/* add: see the header. */
#include "engine/add.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "codec/magnet.h"
#include "engine/check.h"
#include "engine/metadata.h"
#include "engine/peer.h"
#include "engine/save.h"
#include "engine/select.h"
#include "io/file.h"
#include "io/marker.h"

static int nomem(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- content: what the info dictionary brings --------------------------------------------- */

/* What grows with the torrent. */
static int allocate(struct torrent *t) {
    const struct metainfo *m = t->meta;
    /* A buffer that was given back is warm, a fresh one costs a page fault every four kilobytes: while
     * pieces come, all are kept (choke lets them go every round, and when it is over). */
    uint32_t idle = (uint32_t)(t->session->budget.limit / m->piece_length) + 1;
    t->file_priority = calloc(MAX(m->file_count, 1u), 1);
    t->file_missing = calloc(MAX(m->file_count, 1u), sizeof *t->file_missing);
    if (!t->file_priority || !t->file_missing || bitset_init(&t->have, m->pieces) < 0 ||
        picker_init(&t->picker, m->pieces, &t->session->rng) < 0)
        return ERR_NOMEM;
    return active_pieces_init(&t->open, m->size, m->piece_length, m->pieces, idle,
                              &t->session->budget);
}

/* What is to be dropped piece by piece is not reserved before. */
static enum storage_allocation how_to_store(const struct torrent *t, bool full) {
    if (t->cap.in_memory)
        return STORAGE_MEMORY;
    return full && !cap_is_on(&t->cap) ? STORAGE_FULL : STORAGE_SPARSE;
}

static int open_storage(struct torrent *t, const struct add_options *o) {
    const char *directory = o->directory ? o->directory : t->session->settings.directory;
    bool full = o->full_allocation || t->session->settings.full_allocation;
    const char *state = t->session->settings.state;
    struct bitset wanted = {0};
    char *parts = resume_path(state ? state : directory, t->info_hash,
                              state ? "parts" : "mare-parts");
    if (parts && select_wanted(t, &wanted) == 0)
        t->storage = storage_new(t->session->loop, t->meta, directory, parts,
                                 how_to_store(t, full), &wanted);
    bitset_fini(&wanted);
    free(parts);
    return t->storage ? 0 : ERR_NOMEM;
}

void content_free(struct torrent *t) {
    if (t->storage)
        storage_drop(t->storage);
    cap_fini(t);
    marker_free(t->marker, false);
    t->marker = NULL;
    resume_free(t->resume);
    active_pieces_fini(&t->open);
    picker_fini(&t->picker);
    bitset_fini(&t->have);
    free(t->file_priority), free(t->file_missing);
    metainfo_drop(t->meta);
    t->storage = NULL, t->resume = NULL;
    t->file_priority = NULL, t->file_missing = NULL;
    t->meta = NULL;
}

/* Takes m over, also when it fails: then the torrent is as it was. */
static int content_init(struct torrent *t, struct metainfo *m,
                        const struct add_options *o, struct err *e) {
    t->meta = m;
    int status = allocate(t) < 0 ? nomem(e) : cap_begin(t, o, e);
    if (status == 0) {
        save_load(t);
        select_init(t, o);
        t->throwaway = o->throwaway;
        if (open_storage(t, o) == 0)
            return 0;
        status = nomem(e);
    }
    content_free(t);
    return status;
}

/* It can be checked and seeded, but a piece that is received lies in memory as a whole. */
static void warn_of_memory(struct torrent *t) {
    uint64_t limit = t->session->budget.limit;
    if (t->meta->piece_length > limit)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_LIMIT,
                      "%s cannot be downloaded: its pieces of %u KiB need more than the "
                      "%llu KiB of memory that are allowed (raise `memory`)",
                      t->meta->name, t->meta->piece_length >> 10,
                      (unsigned long long)limit >> 10);
}

static void begin(struct torrent *t) {
    session_event(t->session, EVENT_METADATA, t, NULL, 0, 0, NULL);
    warn_of_memory(t);
    check_begin(t);
}

int torrent_adopt(struct torrent *t, const uint8_t *data, size_t len, struct err *e) {
    struct metainfo *m;
    int status = metainfo_parse(&m, data, len, e);
    if (status < 0)
        return status;
    status = content_init(t, m, metadata_options(t), e);
    if (status < 0)
        return status;
    metadata_free(t);
    if (m->private)
        roster_keep(&t->roster, SOURCE_TRACKER | SOURCE_MANUAL);
    torrent_update_finders(t);
    LIST_EACH(l, &t->peers) {
        peer_on_metadata(LIST_ITEM(l, struct peer, in_torrent));
    }
    begin(t);
    return 0;
}

/* ---- who is in already -------------------------------------------------------------------- */

/* Its jobs would delete what a new one finds or writes. */
static bool is_being_deleted(const struct session *s, const uint8_t info_hash[20]) {
    LIST_EACH(l, &s->dying_torrents) {
        const struct torrent *t = LIST_ITEM(l, struct torrent, dying);
        if (t->deletes && !t->removed && !memcmp(t->info_hash, info_hash, SHA1_LEN))
            return true;
    }
    return false;
}

static int check_new(struct session *s, const uint8_t info_hash[20],
                     struct torrent **known, struct err *e) {
    char hex[2 * SHA1_LEN + 1];
    *known = session_find(s, info_hash);
    if (*known)
        return err_set(e, ERR_EXISTS, "%s is in this session already",
                       torrent_name(*known));
    hex_encode(hex, info_hash, SHA1_LEN);
    if (is_being_deleted(s, info_hash))
        return err_set(e, ERR_BUSY,
                       "the data of %s is being deleted; wait for its `removed` event",
                       hex);
    return 0;
}

static int join_session(struct torrent *t, const struct add_options *o) {
    t->paused = o->paused, t->seed_mode |= o->seed_mode;
    return session_enlist(t->session, t);
}

/* ---- by a .torrent ------------------------------------------------------------------------ */

/* Takes m over. */
static int add_known(struct session *s, struct metainfo *m, const struct add_options *o,
                     struct torrent **out, struct err *e) {
    struct torrent *t = torrent_new(s, m->info_hash, m);
    if (!t) {
        metainfo_drop(m);
        return nomem(e);
    }
    int status = content_init(t, m, o, e);
    if (status == 0 && join_session(t, o) < 0)
        status = nomem(e);
    if (status < 0) {
        torrent_free(t);
        return status;
    }
    begin(t);
    *out = t;
    return 0;
}

/* What a link could not tell comes by another way. */
static int add_to_waiting(struct torrent *t, const struct metainfo *m,
                          const uint8_t *data, size_t len, struct err *e) {
    for (uint32_t i = 0; i < m->tier_count; i++)
        for (uint32_t j = 0; j < m->tiers[i].count; j++)
            (void)trackers_add(t->trackers, m->tiers[i].urls[j], i, NULL);
    return torrent_adopt(t, data, len, e);
}

int torrent_add(struct session *s, const uint8_t *data, size_t len,
                const struct add_options *o, struct torrent **out, struct err *e) {
    struct metainfo *m;
    int status = metainfo_parse(&m, data, len, e);
    if (status < 0)
        return status;
    status = check_new(s, m->info_hash, out, e);
    if (status == 0)
        return add_known(s, m, o, out, e);
    if (status == ERR_EXISTS && (*out)->state == TORRENT_METADATA)
        status = add_to_waiting(*out, m, data, len, e);
    metainfo_drop(m);
    return status;
}

/* ---- to a link ---------------------------------------------------------------------------- */

/* Its strings and web seeds are lent, the list of trackers is not. */
static void describe(const struct torrent *t, struct magnet *m) {
    const struct metadata *waiting = t->metadata;
    memcpy(m->info_hash, t->info_hash, sizeof m->info_hash);
    if (t->meta)
        m->name = t->meta->name;
    else if (waiting)
        m->name = waiting->link.name;
    if (t->meta)
        m->webseeds = (struct magnet_list){t->meta->webseeds, t->meta->webseed_count};
    else if (waiting)
        m->webseeds = waiting->link.webseeds;
}

static void list_trackers(const struct torrent *t, struct magnet_list *list, uint32_t n) {
    struct tracker_row row;
    for (uint32_t i = 0; i < n; i++)
        if (trackers_row(t->trackers, i, &row))
            list->items[list->count++] = (char *)(uintptr_t)row.url;
}

char *torrent_link(const struct torrent *t) {
    struct magnet m = {.name = NULL};
    struct text text;
    uint32_t n = MIN(trackers_count(t->trackers), MAGNET_MAX_LIST);
    m.trackers.items = calloc(MAX(n, 1u), sizeof *m.trackers.items);
    if (!m.trackers.items)
        return NULL;
    describe(t, &m);
    list_trackers(t, &m.trackers, n);
    text_init(&text);
    magnet_write(&text, &m);
    free(m.trackers.items);
    return text_take(&text, NULL);
}

/* ---- by a link ---------------------------------------------------------------------------- */

/* "host:port" with a name, or an address. What makes no sense was left out by magnet. */
static void connect_to(struct torrent *t, char *peer) {
    struct addr a;
    char *colon = strrchr(peer, ':');
    if (addr_parse(&a, peer, -1) == 0) {
        (void)torrent_connect(t, &a, SOURCE_MANUAL);
        return;
    }
    if (!colon)
        return;
    *colon = '\0';
    (void)torrent_connect_host(t, peer, (uint16_t)strtoul(colon + 1, NULL, 10), NULL);
    *colon = ':';
}

/* Where to ask, whether or not the torrent knew. */
static void take_hints(struct torrent *t, const struct magnet *m) {
    for (uint32_t i = 0; i < m->trackers.count; i++)
        (void)trackers_add(t->trackers, m->trackers.items[i], i, NULL);
    for (uint32_t i = 0; i < m->peers.count; i++)
        connect_to(t, m->peers.items[i]);
}

/* The info dictionary as it was kept when it came the last time. What is broken comes again. */
static struct metainfo *load_kept(const struct session *s, const struct magnet *m) {
    struct metainfo *kept = NULL;
    uint8_t *data = NULL;
    size_t len;
    char *path = s->settings.state
                     ? resume_path(s->settings.state, m->info_hash, "torrent")
                     : NULL;
    if (path && file_read_whole(path, METADATA_MAX_FILE, &data, &len, NULL) == 0 &&
        metainfo_parse(&kept, data, len, NULL) == 0 &&
        memcmp(kept->info_hash, m->info_hash, SHA1_LEN) != 0) {
        metainfo_drop(kept);
        kept = NULL;
    }
    free(data);
    free(path);
    return kept;
}

static int add_waiting(struct session *s, const struct magnet *m,
                       const struct add_options *o, struct torrent **out, struct err *e) {
    struct torrent *t = torrent_new(s, m->info_hash, NULL);
    if (!t || metadata_init(t, o) < 0 || join_session(t, o) < 0) {
        if (t)
            torrent_free(t);
        return nomem(e);
    }
    if (!t->paused)
        torrent_start(t);
    *out = t;
    return 0;
}

/* What is left of the link goes to who waits with it. */
static void give_link(struct torrent *t, struct magnet *m) {
    take_hints(t, m);
    if (t->metadata && !t->metadata->options.link)
        metadata_take_link(t, m);
}

static int add_link(struct session *s, struct magnet *m, const struct add_options *o,
                    struct torrent **out, struct err *e) {
    int status = check_new(s, m->info_hash, out, e);
    if (status < 0)
        return status;
    struct add_options with_files = *o;
    with_files.link = m;
    struct metainfo *kept = load_kept(s, m);
    return kept ? add_known(s, kept, &with_files, out, e) : add_waiting(s, m, o, out, e);
}

int torrent_add_link(struct session *s, const char *link, size_t len,
                     const struct add_options *o, struct torrent **out, struct err *e) {
    struct magnet m;
    int status = magnet_parse(&m, link, len, e);
    if (status < 0)
        return status;
    status = add_link(s, &m, o, out, e);
    if (*out)
        give_link(*out, &m);
    magnet_free(&m);
    return status;
}
