/* metadata: see the header. What may allow a request is not acted on at once: the timer is set
 * to now, and asks in the same step, after everything was read. So no peer is asked, and perhaps
 * closed for not reading, while something else goes through the list of peers. */
#include "engine/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "codec/bencode.h"
#include "codec/ut_metadata.h"
#include "engine/add.h"
#include "engine/limits.h"
#include "engine/peer.h"
#include "io/file.h"

#define LIAR_BAN (60 * 60 * USEC_PER_SEC)

/* ---- wishes ------------------------------------------------------------------------------ */

static void on_timer(struct timer *timer, usec now);

static int copy_options(struct add_options *to, const struct add_options *from) {
    *to = *from;
    to->directory = NULL, to->file_priority = NULL, to->link = NULL;
    if (from->directory && !(to->directory = strdup(from->directory)))
        return ERR_NOMEM;
    if (!from->file_priority)
        return 0;
    uint8_t *priority = malloc(MAX(from->file_priorities, 1u));
    if (!priority)
        return ERR_NOMEM;
    memcpy(priority, from->file_priority, from->file_priorities);
    to->file_priority = priority;
    return 0;
}

int metadata_init(struct torrent *t, const struct add_options *o) {
    t->metadata = calloc(1, sizeof *t->metadata);
    if (!t->metadata)
        return ERR_NOMEM;
    timer_init(&t->metadata->timer, on_timer);
    t->metadata->torrent = t;
    return copy_options(&t->metadata->options, o);
}

void metadata_free(struct torrent *t) {
    struct metadata *m = t->metadata;
    if (!m)
        return;
    timer_stop(loop_timers(t->session->loop), &m->timer);
    metadata_fetch_free(m->fetch);
    magnet_free(&m->link);
    free((char *)(uintptr_t)m->options.directory);
    free((uint8_t *)(uintptr_t)m->options.file_priority);
    free(m);
    t->metadata = NULL;
}

void metadata_take_link(struct torrent *t, struct magnet *link) {
    t->metadata->link = *link;
    t->metadata->options.link = &t->metadata->link;
    *link = (struct magnet){0};
}

const struct add_options *metadata_options(const struct torrent *t) {
    return &t->metadata->options;
}

uint32_t metadata_progress(const struct torrent *t, uint32_t *pieces) {
    *pieces = 0;
    return t->metadata && t->metadata->fetch
               ? metadata_fetch_progress(t->metadata->fetch, pieces)
               : 0;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void say(struct peer *p, const struct ut_metadata *m) {
    struct text text;
    text_init(&text);
    ut_metadata_encode(&text, m);
    if (!text.failed)
        peer_say_extended(p, p->ext.id[EXT_METADATA], text.data, text.len);
    text_free(&text);
}

static void ask(struct metadata *m, struct peer *p) {
    struct ut_metadata q = {.type = METADATA_REQUEST};
    usec now = session_now(p->session);
    while (p->state == PEER_READY &&
           metadata_fetch_next_request(m->fetch, p->id, now, &q.piece))
        say(p, &q);
}

static void set_timer(struct metadata *m, usec at) {
    timer_set(loop_timers(m->torrent->session->loop), &m->timer, at);
}

static void ask_soon(struct metadata *m) {
    set_timer(m, session_now(m->torrent->session));
}

static void on_timer(struct timer *timer, usec now) {
    struct metadata *m = CONTAINER_OF(timer, struct metadata, timer);
    metadata_fetch_tick(m->fetch, now);
    LIST_EACH(l, &m->torrent->peers) {
        ask(m, LIST_ITEM(l, struct peer, in_torrent));
    }
    usec due = MAX(metadata_fetch_due(m->fetch), now + 1);
    if (!timer_is_set(timer) || timer->due > due) /* set: somebody left meanwhile */
        set_timer(m, due);
}

void metadata_start(struct torrent *t) {
    struct metadata *m = t->metadata;
    if (!m->fetch)
        m->fetch = metadata_fetch_new(t->info_hash);
    if (!m->fetch)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_NOMEM,
                      "out of memory while asking for metadata; pause and resume the "
                      "torrent to try again");
}

int metadata_on_peer(struct peer *p) {
    struct metadata *m = p->torrent->metadata;
    if (!m || !m->fetch || !p->ext.id[EXT_METADATA] || !p->ext.metadata_size)
        return 0;
    int status = metadata_fetch_on_peer(m->fetch, p->id, p->ext.metadata_size);
    ask_soon(m);
    return status == ERR_PROTOCOL ? status : 0; /* else it is just not asked */
}

void metadata_on_gone(struct peer *p) {
    struct metadata *m = p->torrent->metadata;
    if (!m || !m->fetch)
        return;
    metadata_fetch_on_gone(m->fetch, p->id);
    ask_soon(m);
}

/* ---- it has come ------------------------------------------------------------------------- */

struct keeping {
    struct job job;
    struct torrent *torrent;
    char *path, *data;
    size_t len;
    int status;
    struct err err;
};

static void keeping_free(struct keeping *k) {
    free(k->path);
    free(k->data);
    free(k);
}

static void run_keep(struct job *job) {
    struct keeping *k = CONTAINER_OF(job, struct keeping, job);
    k->status = file_write_atomic(k->path, k->data, k->len, &k->err);
}

static void on_kept(struct job *job, int status) {
    struct keeping *k = CONTAINER_OF(job, struct keeping, job);
    struct torrent *t = k->torrent;
    t->jobs--;
    if (status == 0 && k->status < 0)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, k->status,
                      "the metadata was not kept for the next start: %s", k->err.text);
    keeping_free(k);
}

/* For the next start, with the resume file. Without memory it is asked for again then. */
static void keep(struct torrent *t, struct text *file) {
    const char *state = t->session->settings.state;
    struct keeping *k = state ? calloc(1, sizeof *k) : NULL;
    if (!k)
        return;
    k->torrent = t;
    k->path = resume_path(state, t->info_hash, "torrent");
    k->data = text_take(file, &k->len);
    k->job.run = run_keep, k->job.done = on_kept;
    if (k->path && k->data && jobs_submit(t->session->loop, &k->job) == 0)
        t->jobs++;
    else
        keeping_free(k);
}

static void add_list(struct text *out, const char *key, const struct magnet_list *list) {
    if (!list->count)
        return;
    bencode_adds(out, key);
    text_addc(out, 'l');
    for (uint32_t i = 0; i < list->count; i++) {
        if (key[0] == 'a')
            text_addc(out, 'l'); /* each tracker its own tier */
        bencode_adds(out, list->items[i]);
        if (key[0] == 'a')
            text_addc(out, 'e');
    }
    text_addc(out, 'e');
}

/* A whole .torrent of the dictionary and of what the link said. */
static void write_torrent(struct text *out, const struct magnet *link,
                          const uint8_t *info, size_t len) {
    text_addc(out, 'd');
    add_list(out, "announce-list", &link->trackers);
    bencode_adds(out, "info");
    text_add(out, info, len);
    add_list(out, "url-list", &link->webseeds);
    text_addc(out, 'e');
}

/* It is what the info-hash says, and yet no torrent of ours, or there is no memory for one. When
 * the torrent is resumed, it is asked for again. */
static void give_up(struct torrent *t, const struct err *why) {
    err_set(&t->disk_err, why->code, "the metadata of %s came, but cannot be used: %s",
            torrent_name(t), why->text);
    session_event(t->session, EVENT_ERROR, t, NULL, 0, why->code, "%s", t->disk_err.text);
    metadata_fetch_free(t->metadata->fetch);
    t->metadata->fetch = NULL;
    timer_stop(loop_timers(t->session->loop), &t->metadata->timer);
    torrent_pause(t);
}

static void complete(struct torrent *t) {
    size_t len;
    struct text file;
    struct err e = {0};
    uint8_t *info = metadata_fetch_take(t->metadata->fetch, &len);
    text_init(&file);
    write_torrent(&file, &t->metadata->link, info, len);
    free(info);
    int status = file.failed ? err_set(&e, ERR_NOMEM, "out of memory")
                             : torrent_adopt(t, (const uint8_t *)file.data, file.len, &e);
    if (status == 0)
        keep(t, &file);
    else
        give_up(t, &e);
    text_free(&file);
}

/* One who alone sent what does not match is convicted; of several nobody is, yet. */
static void punish(struct torrent *t) {
    uint32_t count;
    const handle *who = metadata_fetch_suspects(t->metadata->fetch, &count);
    struct peer *liar = count == 1 ? session_peer(t->session, who[0]) : NULL;
    if (liar)
        torrent_ban(t, &liar->addr, LIAR_BAN,
                    "its metadata does not match the info-hash");
    ask_soon(t->metadata);
}

static int on_data(struct peer *p, const struct ut_metadata *d) {
    struct torrent *t = p->torrent;
    struct metadata *m = t->metadata;
    if (!m || !m->fetch)
        return 0;
    int status = metadata_fetch_on_data(m->fetch, p->id, d, session_now(p->session));
    switch (status) {
    case 1: complete(t); return 0;
    case ERR_HASH: punish(t); return 0;
    case ERR_PROTOCOL: return ERR_PROTOCOL;
    case ERR_NOMEM: ask_soon(m); return 0;
    default: ask(m, p); return 0;
    }
}

static void on_reject(struct peer *p, uint32_t piece) {
    struct metadata *m = p->torrent->metadata;
    if (!m || !m->fetch)
        return;
    metadata_fetch_on_reject(m->fetch, p->id, piece, session_now(p->session));
    ask_soon(m);
}

/* ---- giving ------------------------------------------------------------------------------ */

bool metadata_is_offered(const struct torrent *t) {
    return !t->meta || !t->meta->private;
}

/* As often as the whole is worth, and not faster than it is taken from us. */
static bool may_give(struct peer *p, uint32_t piece) {
    const struct metainfo *m = p->torrent->meta;
    uint32_t pieces = m ? metadata_pieces((uint32_t)m->info_len) : 0;
    size_t waiting = p->send.control.len - p->send.control_sent;
    return metadata_is_offered(p->torrent) && piece < pieces &&
           p->metadata_given < pieces * METADATA_GENEROSITY &&
           waiting <= SEND_MAX_CONTROL / 4;
}

static void on_request(struct peer *p, uint32_t piece) {
    const struct metainfo *m = p->torrent->meta;
    struct ut_metadata answer = {.type = METADATA_REJECT, .piece = piece};
    if (!p->ext.id[EXT_METADATA])
        return;
    if (may_give(p, piece)) {
        uint32_t size = (uint32_t)m->info_len;
        answer.type = METADATA_DATA;
        answer.total_size = size;
        answer.payload = (struct span){m->info + (size_t)piece * METADATA_PIECE,
                                       metadata_piece_len(size, piece)};
        p->metadata_given++;
        limits_took_up(p, answer.payload.len);
    }
    say(p, &answer);
}

int metadata_on_message(struct peer *p, const uint8_t *data, size_t len) {
    struct ut_metadata m;
    int status = ut_metadata_decode(&m, data, len);
    if (status == ERR_UNSUPPORTED || status == ERR_NOMEM)
        return 0;
    if (status < 0)
        return ERR_PROTOCOL;
    switch (m.type) {
    case METADATA_REQUEST: on_request(p, m.piece); return 0;
    case METADATA_DATA: return on_data(p, &m);
    case METADATA_REJECT: on_reject(p, m.piece); return 0;
    }
    return 0;
}
