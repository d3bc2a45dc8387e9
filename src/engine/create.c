/* create: the files become pieces, the pieces hashes, the hashes a torrent.
 *
 *     source   [ piece 0 | piece 1 | piece 2 | piece 3 | ...
 *                  v         v         v
 *     slots      [read,hash][read,hash][read,hash]     on workers, some more than processors
 *                  v done: progress, and the slot takes the next piece
 *     hashes   [ 20 | 20 | 20 | ...
 *
 * What is written is read back by our own parser before anybody gets it: a torrent that we would
 * refuse, or whose files we would store under other names, is not worth making. */
#include "engine/create.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/metainfo.h"
#include "codec/metainfo_write.h"
#include "codec/url.h"
#include "io/jobs.h"
#include "io/source.h"

#define MIN_PIECE ((uint32_t)16 << 10)
#define MAX_PIECE ((uint32_t)16 << 20)
#define MAX_SLOTS 16 /* libuv has four threads unless told otherwise */
#define SLOT_MEMORY ((uint64_t)128 << 20) /* of all slots together, but two at least */

struct creation {
    const struct create_options *o;
    struct source source;
    struct loop *loop;
    uint32_t piece_length, pieces, next; /* next: the first that no slot has taken */
    uint8_t *hashes;
    uint64_t hashed; /* bytes */
    int status;      /* the first failure: no slot goes on */
    struct err *e;
};

/* One piece at a time, from reading to its hash. */
struct slot {
    struct job job;
    struct creation *c;
    uint32_t piece;
    uint8_t *buffer;
    int status;
    struct err err;
};

static int out_of_memory(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- hashing ---- */

static size_t piece_size(const struct creation *c, uint32_t piece) {
    uint64_t begin = (uint64_t)piece * c->piece_length;
    return (size_t)MIN(c->piece_length, c->source.size - begin);
}

static void run_slot(struct job *j) {
    struct slot *t = CONTAINER_OF(j, struct slot, job);
    const struct creation *c = t->c;
    size_t size = piece_size(c, t->piece);
    t->status = source_read(&c->source, (uint64_t)t->piece * c->piece_length, t->buffer,
                            size, &t->err);
    if (!t->status && sha1(c->hashes + (size_t)t->piece * SHA1_LEN, t->buffer, size) < 0)
        t->status = out_of_memory(&t->err);
}

static void fail(struct creation *c, int status, const char *words) {
    if (!c->status)
        c->status = err_set(c->e, status, "%s", words);
}

static void report(struct creation *c) {
    if (c->o->progress && !c->o->progress(c->o->ctx, c->hashed, c->source.size))
        fail(c, ERR_CANCELED, "canceled");
}

static void done_slot(struct job *j, int status);

static void take_piece(struct slot *t) {
    struct creation *c = t->c;
    if (c->status || c->next == c->pieces)
        return;
    t->piece = c->next++;
    t->job = (struct job){.run = run_slot, .done = done_slot};
    int status = jobs_submit(c->loop, &t->job);
    if (status < 0)
        fail(c, status, "out of memory");
}

static void done_slot(struct job *j, int status) {
    struct slot *t = CONTAINER_OF(j, struct slot, job);
    struct creation *c = t->c;
    if (status < 0)
        fail(c, status, "canceled");
    else if (t->status < 0)
        fail(c, t->status, t->err.text);
    if (c->status)
        return;
    c->hashed += piece_size(c, t->piece);
    report(c);
    take_piece(t);
}

static uint32_t slot_count(const struct creation *c) {
    uint64_t by_memory = MAX(2, SLOT_MEMORY / c->piece_length);
    uint32_t n = (uint32_t)MIN(2 * source_processors(), by_memory);
    return MIN(MIN(n, MAX_SLOTS), c->pieces);
}

static void run_slots(struct creation *c, struct slot *slots, uint32_t n) {
    report(c);
    for (uint32_t i = 0; i < n; i++)
        take_piece(&slots[i]);
    while (jobs_pending(c->loop)) {
        int status = loop_step(c->loop, USEC_NEVER);
        if (status < 0)
            fail(c, status, "the event loop failed");
    }
}

static int hash_pieces(struct creation *c) {
    uint32_t n = slot_count(c);
    struct slot slots[MAX_SLOTS] = {0};
    for (uint32_t i = 0; i < n; i++) {
        slots[i].c = c;
        slots[i].buffer = malloc(MIN(c->piece_length, c->source.size));
        if (!slots[i].buffer)
            c->status = out_of_memory(c->e);
    }
    c->loop = c->status ? NULL : loop_new(c->e);
    if (c->loop)
        run_slots(c, slots, n);
    else if (!c->status)
        c->status = ERR_NOMEM;
    loop_free(c->loop);
    for (uint32_t i = 0; i < n; i++)
        free(slots[i].buffer);
    return c->status ? c->status : source_check(&c->source, c->e);
}

/* ---- options ---- */

static int check_addresses(const struct create_options *o, struct err *e) {
    for (const char *const *url = o->trackers; url && *url; url++) {
        if (!url_usable(*url, false))
            return err_set(
                e, ERR_INVALID,
                "%.100s is not a tracker's address: http://..., https://... or "
                "udp://... is needed",
                *url);
    }
    for (const char *const *url = o->webseeds; url && *url; url++) {
        if (!url_usable(*url, true))
            return err_set(
                e, ERR_INVALID,
                "%.100s is not a web seed's address: http://... or https://... is "
                "needed",
                *url);
    }
    return 0;
}

static int check_options(const struct create_options *o, struct err *e) {
    uint32_t n = o->piece_length;
    if (n && (n < MIN_PIECE || n > MAX_PIECE || (n & (n - 1))))
        return err_set(e, ERR_INVALID,
                       "a piece length of %" PRIu32
                       " is not possible: it is a power of two from 16384 (16 KiB) "
                       "to 16777216 (16 MiB)",
                       n);
    return check_addresses(o, e);
}

static int choose_pieces(struct creation *c) {
    if (!c->source.size)
        return err_set(c->e, ERR_INVALID,
                       "%s: all files are empty, there is no data to share", c->o->path);
    c->piece_length = c->o->piece_length ? c->o->piece_length
                                         : metainfo_choose_piece_length(c->source.size);
    if (c->o->align && source_align(&c->source, c->piece_length) < 0)
        return out_of_memory(c->e);
    uint64_t pieces = (c->source.size - 1) / c->piece_length + 1;
    if (pieces > METAINFO_MAX_PIECES)
        return err_set(c->e, ERR_LIMIT,
                       "%s: more than 2 million pieces of %" PRIu32
                       " bytes: choose longer ones",
                       c->o->path, c->piece_length);
    c->pieces = (uint32_t)pieces;
    c->hashes = malloc((size_t)c->pieces * SHA1_LEN);
    return c->hashes ? 0 : out_of_memory(c->e);
}

/* ---- writing ---- */

static struct metainfo_draft_file *draft_files(const struct source *s) {
    struct metainfo_draft_file *files = calloc(s->count, sizeof *files);
    for (uint32_t i = 0; files && i < s->count; i++) {
        files[i] = (struct metainfo_draft_file){.path = s->files[i].path,
                                                .length = s->files[i].length,
                                                .flags = s->files[i].pad ? FILE_PAD : 0};
    }
    return files;
}

static int write_draft(const struct creation *c, struct text *out) {
    const struct create_options *o = c->o;
    struct metainfo_draft_file *files = draft_files(&c->source);
    if (!files)
        return out_of_memory(c->e);
    struct metainfo_draft d = {.name = o->name ? o->name : c->source.name,
                               .multi = c->source.multi,
                               .files = files,
                               .file_count = c->source.count,
                               .piece_length = c->piece_length,
                               .hashes = c->hashes,
                               .pieces = c->pieces,
                               .trackers = o->trackers,
                               .webseeds = o->webseeds,
                               .comment = o->comment,
                               .created_by = o->created_by,
                               .source = o->source,
                               .creation_date = o->creation_date,
                               .private = o->private};
    int status = metainfo_write(out, &d, c->e);
    free(files);
    return status;
}

static int prove(const struct text *out, struct err *e) {
    struct metainfo *m;
    int status = metainfo_parse(&m, (const uint8_t *)out->data, out->len, e);
    if (status < 0)
        return status;
    if (m->renamed_count)
        status = err_set(e, ERR_INVALID, "not every system can have that name: rename %s",
                         m->renamed[0]);
    metainfo_drop(m);
    return status;
}

/* ---- all of it ---- */

static int make(struct creation *c, struct text *torrent) {
    int status = choose_pieces(c);
    if (!status)
        status = hash_pieces(c);
    if (!status)
        status = write_draft(c, torrent);
    return status ? status : prove(torrent, c->e);
}

int create_torrent(const struct create_options *o, struct text *out, struct err *e) {
    struct creation c = {.o = o, .e = e};
    struct text torrent;
    int status = check_options(o, e);
    if (!status)
        status = source_open(&c.source, o->path, o->note, o->ctx, e);
    if (status < 0)
        return status;
    text_init(&torrent);
    status = make(&c, &torrent);
    if (!status)
        text_add(out, torrent.data, torrent.len);
    if (!status && out->failed)
        status = out_of_memory(e);
    text_free(&torrent);
    source_close(&c.source);
    free(c.hashes);
    return status;
}
