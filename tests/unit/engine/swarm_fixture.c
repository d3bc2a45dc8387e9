/* swarm_fixture: see the header.
 *
 *     file    a            b                  (empty)  c
 *     bytes   40,000       100,000            0        70,001      = 210,001
 *     pieces  | 0 | 1 ...                                | 6 |     7 of 32 KiB, the last short */
#include "unit/engine/swarm_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "codec/metainfo_write.h"
#include "io/file.h"
#include "unit/engine/fake_peer.h"

/* ---- the torrent ------------------------------------------------------------------------- */

static void make_data(struct swarm *w, uint32_t size) {
    uint32_t x = size;
    w->size = size;
    w->data = malloc(size);
    for (uint32_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        w->data[i] = (uint8_t)(x >> 24);
    }
}

static void make_torrent(struct swarm *w, struct metainfo_draft *d) {
    w->pieces = d->pieces = (w->size + d->piece_length - 1) / d->piece_length;
    uint8_t *hashes = malloc((size_t)w->pieces * SHA1_LEN);
    for (uint32_t i = 0; i < w->pieces; i++) {
        uint32_t from = i * d->piece_length;
        CHECK_INT(sha1(hashes + (size_t)i * SHA1_LEN, w->data + from,
                       MIN(d->piece_length, w->size - from)),
                  0);
    }
    d->hashes = hashes;
    text_init(&w->file);
    CHECK_INT(metainfo_write(&w->file, d, NULL), 0);
    CHECK_INT(metainfo_parse(&w->m, (uint8_t *)w->file.data, w->file.len, NULL), 0);
    free(hashes);
}

static void open_usual(struct swarm *w, bool private) {
    static const struct metainfo_draft_file files[SWARM_FILES] = {
        [FILE_A] = {"a", 40000, 0},
        [FILE_B] = {"sub/b", 100000, 0},
        [FILE_EMPTY] = {"sub/empty", 0, 0},
        [FILE_C] = {"c", 70001, 0}};
    struct metainfo_draft d = {.name = "t",
                               .multi = true,
                               .files = files,
                               .file_count = SWARM_FILES,
                               .piece_length = PIECE_LEN,
                               .private = private};
    memset(w, 0, sizeof *w);
    make_data(w, 210001);
    make_torrent(w, &d);
}

void swarm_open(struct swarm *w) {
    open_usual(w, false);
}

void swarm_open_private(struct swarm *w) {
    open_usual(w, true);
}

void swarm_open_large(struct swarm *w, uint32_t pieces, uint32_t piece_length) {
    struct metainfo_draft_file file = {"", pieces * piece_length - 1000, 0};
    struct metainfo_draft d = {
        .name = "t", .files = &file, .file_count = 1, .piece_length = piece_length};
    memset(w, 0, sizeof *w);
    make_data(w, (uint32_t)file.length);
    make_torrent(w, &d);
}

void swarm_close(struct swarm *w) {
    while (w->fakes)
        fake_close(w->fakes);
    for (uint32_t i = 0; i < w->nodes; i++)
        node_close(&w->node[i]);
    metainfo_drop(w->m);
    text_free(&w->file);
    free(w->data);
}

/* ---- turns ------------------------------------------------------------------------------- */

usec swarm_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (usec)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

static void note_event(struct node *n, struct event *ev) {
    uint32_t i = n->count[ev->type]++;
    n->code[ev->type] = ev->code;
    snprintf(n->text[ev->type], sizeof n->text[0], "%s", ev->text ? ev->text : "");
    if (ev->type == EVENT_PIECE && i < COUNT_OF(n->piece_order))
        n->piece_order[i] = ev->index;
    event_fini(ev);
}

static void collect_events(struct node *n) {
    struct event ev;
    while (n->s && events_pop(&n->s->events, &ev))
        note_event(n, &ev);
}

static bool in_session(const struct node *n) {
    LIST_EACH(l, &n->s->torrent_list) {
        if (LIST_ITEM(l, struct torrent, in_session) == n->t)
            return true;
    }
    return false;
}

/* One of them may wait a moment: jobs of a worker need it. */
void swarm_step(struct swarm *w) {
    bool may_wait = true;
    for (uint32_t i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!n->s)
            continue;
        CHECK_INT(session_step(n->s, may_wait ? USEC_PER_MSEC : 0), 0);
        collect_events(n);
        may_wait = false;
        CHECK(n->s->budget.used <= n->s->budget.limit);
        if (n->t && in_session(n))
            torrent_check(n->t);
        else
            n->t = NULL;
    }
    fakes_turn(w);
}

void swarm_settle(struct swarm *w) {
    for (int i = 0; i < 40; i++)
        swarm_step(w);
}

/* ---- sessions ---------------------------------------------------------------------------- */

static void put_file(const char *path, const void *data, size_t len) {
    CHECK_INT(file_write_atomic(path, data, len, NULL), 0);
}

static const char *disk_path(const struct node *n, uint32_t file) {
    static char path[4][1100];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[0], "%s/%s", n->directory,
             n->swarm->m->files[file].path);
    return path[turn];
}

static void put_data(const struct node *n) {
    const struct metainfo *m = n->swarm->m;
    for (uint32_t i = 0; i < m->file_count; i++)
        put_file(disk_path(n, i), n->swarm->data + m->files[i].offset,
                 (size_t)m->files[i].length);
}

const char *swarm_link(const struct swarm *w, const char *fields) {
    static char link[1024];
    char hex[2 * SHA1_LEN + 1];
    hex_encode(hex, w->m->info_hash, SHA1_LEN);
    snprintf(link, sizeof link, "magnet:?xt=urn:btih:%s%s", hex, fields);
    return link;
}

static int add_to(struct node *n, const struct add_options *add, struct err *e) {
    const struct swarm *w = n->swarm;
    if (!n->options.link)
        return torrent_add(n->s, (uint8_t *)w->file.data, w->file.len, add, &n->t, e);
    const char *link = swarm_link(w, n->options.link);
    return torrent_add_link(n->s, link, strlen(link), add, &n->t, e);
}

static void start(struct node *n) {
    struct settings s = n->options.settings;
    struct err e = {0};
    const struct add_options add = {.paused = n->options.paused,
                                    .full_allocation = n->options.full_allocation,
                                    .seed_mode = n->options.seed,
                                    .in_memory = n->options.in_memory,
                                    .max_memory = n->options.max_memory,
                                    .max_disk = n->options.max_disk,
                                    .file_priority = n->options.file_priority,
                                    .file_priorities = n->options.file_priorities};
    s.directory = n->directory;
    s.state = n->options.state ? n->state : NULL;
    s.bind = (struct addr){.ip = {127, 0, 0, 1}, .family = 4};
    s.seed = s.seed ? s.seed : 1;
    n->s = session_new(&s, &e);
    if (!n->s)
        check_fail(__FILE__, __LINE__, "%s", e.text);
    if (add_to(n, &add, &e) < 0)
        check_fail(__FILE__, __LINE__, "%s", e.text);
    if (!n->options.unchecked)
        STEP_UNTIL(n->swarm, n->t->state != TORRENT_CHECKING);
}

struct node *node_open(struct swarm *w, const struct node_options *o) {
    static const struct node_options usual;
    static uint32_t number; /* a spec may open many swarms in its one directory */
    CHECK(w->nodes < NODES);
    struct node *n = &w->node[w->nodes];
    *n = (struct node){.swarm = w, .options = o ? *o : usual};
    snprintf(n->directory, sizeof n->directory, "%s/down%u", check_tmpdir(), ++number);
    snprintf(n->state, sizeof n->state, "%s/state%u", check_tmpdir(), number);
    w->nodes++;
    if (n->options.seed)
        put_data(n);
    start(n);
    return n;
}

void node_close(struct node *n) {
    if (!n->s)
        return;
    CHECK_INT(session_close(n->s, 0), 0);
    collect_events(n);
    session_free(n->s);
    n->s = NULL, n->t = NULL;
}

void node_reopen(struct node *n) {
    node_close(n);
    node_forget_events(n);
    start(n);
}

struct addr node_addr(const struct node *n) {
    return (struct addr){.ip = {127, 0, 0, 1}, .port = n->s->port, .family = 4};
}

void node_connect(struct node *from, const struct node *to) {
    struct addr a = node_addr(to);
    CHECK(torrent_connect(from->t, &a, SOURCE_MANUAL) >= 0);
}

void node_pass(struct node *n, usec span) {
    (void)timers_fire(loop_timers(n->s->loop), session_now(n->s) + span);
}

void node_forget_events(struct node *n) {
    memset(n->count, 0, sizeof n->count);
    memset(n->code, 0, sizeof n->code);
    memset(n->text, 0, sizeof n->text);
}

bool node_done(const struct node *n) {
    return n->t->state == TORRENT_SEEDING || n->t->state == TORRENT_FINISHED;
}

struct peer *node_peer(const struct node *n) {
    CHECK_INT(n->t->peer_count, 1);
    return LIST_ITEM(n->t->peers.next, struct peer, in_torrent);
}

/* ---- on disk ----------------------------------------------------------------------------- */

const char *node_path(const struct node *n, const char *path) {
    static char text[4][1100];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[0], "%s/t%s%s", n->directory, *path ? "/" : "",
             path);
    return text[turn];
}

bool path_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

bool node_is_whole(const struct node *n, uint32_t file) {
    const struct metainfo_file *f = &n->swarm->m->files[file];
    uint8_t *data;
    size_t len;
    if (file_read_whole(disk_path(n, file), 1u << 30, &data, &len, NULL) < 0)
        return false;
    bool same = len == f->length && !memcmp(data, n->swarm->data + f->offset, len);
    free(data);
    return same;
}

void node_check_whole(const struct node *n) {
    for (uint32_t i = 0; i < n->swarm->m->file_count; i++)
        if (!node_is_whole(n, i))
            check_fail(__FILE__, __LINE__, "%s is not what it should be",
                       disk_path(n, i));
}

void node_corrupt(const struct node *n, uint32_t piece) {
    const struct metainfo *m = n->swarm->m;
    uint64_t at = (uint64_t)piece * m->piece_length + 100;
    const struct metainfo_file *f = &m->files[metainfo_file_at(m, at)];
    uint8_t wrong = (uint8_t)~n->swarm->data[at];
    int fd = open(disk_path(n, metainfo_file_at(m, at)), O_WRONLY);
    CHECK(fd >= 0);
    CHECK_INT(pwrite(fd, &wrong, 1, (off_t)(at - f->offset)), 1);
    close(fd);
}
