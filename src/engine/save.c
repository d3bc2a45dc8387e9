/* save: see the header. Sizes and times of the files are read by a worker, the text is made on
 * the loop, and a worker writes it: stat -> text -> atomic write. */
#include "engine/save.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "engine/torrent_trackers.h"

#define SAVE_EVERY (30 * USEC_PER_SEC)
#define SAVE_PEERS 100u
#define DOUBT_NSEC 1000000000
#define RESUME_MAX (64u << 20)

/* ---- loading ----------------------------------------------------------------------------- */

static char *path_with(const struct torrent *t, const char *suffix) {
    const char *state = t->session->settings.state;
    return state ? resume_path(state, t->info_hash, suffix) : NULL;
}

/* NULL: nothing is kept, or nothing of it is on disk. */
static char *path_of(const struct torrent *t) {
    return t->cap.in_memory ? NULL : path_with(t, "resume");
}

static void take_over(struct torrent *t) {
    const struct resume *r = t->resume;
    usec now = session_now(t->session);
    t->uploaded = r->uploaded, t->downloaded = r->downloaded;
    if (r->added_at)
        t->added_at = r->added_at;
    t->done_at = r->done_at;
    if (r->own_trackers && !t->own_trackers)
        (void)torrent_trackers_assign(t, r->trackers, r->tracker_count, NULL);
    for (uint32_t i = 0; i < r->peer_count; i++)
        (void)roster_add(&t->roster, &r->peers[i], SOURCE_RESUME, now);
}

void save_load(struct torrent *t) {
    char *path = path_of(t);
    uint8_t *data = NULL;
    size_t len;
    struct err e = {0};
    if (!path)
        return;
    int status = file_read_whole(path, RESUME_MAX, &data, &len, &e);
    if (status == 0) {
        t->resume = resume_parse(data, len, t->info_hash, t->meta->pieces,
                                 t->meta->file_count, &e);
        status = t->resume ? 0 : e.code;
    }
    if (t->resume)
        take_over(t);
    else if (status != ERR_NOTFOUND) { /* never taken for "nothing is there" */
        t->seed_mode = true;
        session_event(t->session, EVENT_ERROR, t, NULL, 0, status,
                      "%s: %s; the data is checked instead", path, e.text);
    }
    free(data);
    free(path);
}

static void forget(struct torrent *t, const char *suffix) {
    char *path = path_with(t, suffix);
    if (path)
        (void)file_remove(path);
    free(path);
}

void save_forget(struct torrent *t) {
    forget(t, "resume");
    forget(t, "torrent"); /* the metadata of a link */
}

/* ---- saving ------------------------------------------------------------------------------ */

struct save {
    struct storage_stat stat;
    struct job write;
    struct torrent *torrent;
    char *path, *data;
    size_t len;
    int status;
    struct err err;
};

static void save_free(struct save *s) {
    free(s->stat.files);
    free(s->path);
    free(s->data);
    free(s);
}

static void end_save(struct save *s, int status) {
    struct torrent *t = s->torrent;
    t->saving = false;
    t->jobs--;
    if (status == 0)
        session_event(t->session, EVENT_SAVED, t, NULL, 0, 0, NULL);
    else
        session_event(t->session, EVENT_ERROR, t, NULL, 0, status,
                      "resume state not saved: %s",
                      s->err.text[0] ? s->err.text : err_name(status));
    save_free(s);
}

static void run_write(struct job *job) {
    struct save *s = CONTAINER_OF(job, struct save, write);
    s->status = file_write_atomic(s->path, s->data, s->len, &s->err);
}

static void on_written(struct job *job, int status) {
    struct save *s = CONTAINER_OF(job, struct save, write);
    end_save(s, status < 0 ? status : s->status);
}

/* Addresses that worked, for a quick start the next time. */
static uint32_t collect_peers(const struct torrent *t, struct addr *out) {
    uint32_t n = 0, at = 0;
    struct candidate *c;
    while (n < SAVE_PEERS && (c = roster_each(&t->roster, &at)))
        if (c->failures == 0 && c->banned_until == 0 && c->sources != SOURCE_INCOMING)
            out[n++] = c->addr;
    return n;
}

/* File systems count time in ticks of milliseconds. A file that was written a moment ago may be
 * written again within the same tick, and would look as it did although this state is older:
 * its time is not to be believed, unless nothing is going to be written. */
static void doubt_recent_times(struct save *s) {
    struct timespec now;
    if (!torrent_downloads(s->torrent) || !timespec_get(&now, TIME_UTC))
        return;
    int64_t since = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - DOUBT_NSEC;
    for (uint32_t i = 0; i < s->torrent->meta->file_count; i++)
        if (s->stat.files[i].mtime_nsec >= since)
            s->stat.files[i].mtime_nsec = -1;
}

/* False when out of memory. */
static bool list_trackers(const struct torrent *t, struct resume *r) {
    r->own_trackers = t->own_trackers;
    if (t->own_trackers)
        r->trackers = torrent_trackers_list(t, &r->tracker_count);
    return r->trackers || !t->own_trackers;
}

static void make_text(struct save *s) {
    struct torrent *t = s->torrent;
    struct addr peers[SAVE_PEERS];
    struct resume r = {
        .have = t->have, /* borrowed */
        .file_count = t->meta->file_count,
        .files = s->stat.files,
        .file_priority = t->file_priority,
        .uploaded = t->uploaded,
        .downloaded = t->downloaded,
        .added_at = t->added_at,
        .done_at = t->done_at,
        .peers = peers,
    };
    struct text text;
    memcpy(r.info_hash, t->info_hash, sizeof r.info_hash);
    r.peer_count = collect_peers(t, peers);
    doubt_recent_times(s);
    text_init(&text);
    if (list_trackers(t, &r))
        resume_write(&text, &r);
    else
        text.failed = true;
    free(r.trackers);
    s->data = text_take(&text, &s->len);
}

static void on_stat(struct storage_op *op) {
    struct save *s = CONTAINER_OF(op, struct save, stat.op);
    int status = op->status;
    s->err = op->err;
    if (status == 0) {
        make_text(s);
        s->write.run = run_write, s->write.done = on_written;
        status = s->data ? jobs_submit(s->torrent->session->loop, &s->write) : ERR_NOMEM;
    }
    if (status < 0)
        end_save(s, status);
}

int torrent_save(struct torrent *t) {
    struct save *s;
    if (!t->session->settings.state || t->cap.in_memory ||
        t->state < TORRENT_DOWNLOADING || t->saving)
        return 0;
    s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->torrent = t;
    s->path = path_of(t);
    s->stat.op.done = on_stat;
    if (!s->path || storage_stat(t->storage, &s->stat) < 0) {
        save_free(s);
        return ERR_NOMEM;
    }
    t->saving = true, t->dirty_resume = false;
    t->jobs++;
    return 0;
}

static void on_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, resume_timer);
    if (t->dirty_resume)
        (void)torrent_save(t);
    timer_set(loop_timers(t->session->loop), timer, now + SAVE_EVERY);
}

void save_init(struct torrent *t) {
    timer_init(&t->resume_timer, on_timer);
    if (t->session->settings.state)
        timer_set(loop_timers(t->session->loop), &t->resume_timer,
                  session_now(t->session) + SAVE_EVERY);
}
