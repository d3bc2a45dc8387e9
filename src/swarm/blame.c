/* blame: see the header. What is remembered of a failed piece:
 *
 *     author [ handle, address ] ...            each distinct sender once
 *     block  [ digest, number of its author ]   as it was when the hash failed
 *
 * Addresses are kept because the culprit has usually left when the verdict comes. A piece that
 * fails twice is remembered twice: each time has its own authors and its own digests. */
#include "swarm/blame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct author {
    handle peer;
    struct addr addr;
    bool guilty;
};

struct evidence {
    uint8_t digest[SHA1_LEN];
    uint32_t author;
};

struct failure {
    struct link link; /* in blame */
    uint32_t piece, length;
    uint32_t blocks, authors;
    struct author *author;
    struct evidence block[];
};

void blame_init(struct blame *b) {
    list_init(&b->failures);
    b->count = 0;
}

static void failure_free(struct failure *f) {
    if (f)
        free(f->author);
    free(f);
}

static void forget(struct blame *b, struct failure *f) {
    list_remove(&f->link);
    b->count--;
    failure_free(f);
}

void blame_fini(struct blame *b) {
    while (!list_empty(&b->failures))
        forget(b, LIST_ITEM(b->failures.next, struct failure, link));
}

bool blame_remembers(const struct blame *b, uint32_t piece) {
    LIST_EACH(l, &b->failures) {
        if (LIST_ITEM(l, struct failure, link)->piece == piece)
            return true;
    }
    return false;
}

/* -- a piece failed ----------------------------------------------------------------------- */

typedef bool find_address(void *ctx, handle peer, struct addr *out);

static struct addr look_up(find_address *address_of, void *ctx, handle peer) {
    struct addr addr;
    memset(&addr, 0, sizeof addr);
    if (!address_of(ctx, peer, &addr))
        memset(&addr, 0, sizeof addr);
    return addr;
}

static bool is_first_of_its_author(const struct active_piece *p, uint32_t block) {
    for (uint32_t i = 0; i < block; i++)
        if (p->block[i].from == p->block[block].from)
            return false;
    return true;
}

/* Needs no memory, so that the suspects are told in any case; returns how many there are. */
static uint32_t tell_authors(const struct active_piece *p, find_address *address_of,
                             blame_verdict *tell, void *ctx) {
    uint32_t authors = 0;
    for (uint32_t i = 0; i < p->blocks; i++) {
        if (!is_first_of_its_author(p, i))
            continue;
        authors++;
        if (!tell || !p->block[i].from)
            continue; /* no peer, no one to tell */
        struct addr addr = look_up(address_of, ctx, p->block[i].from);
        tell(ctx, &addr, p->block[i].from);
    }
    return authors;
}

static struct failure *failure_new(const struct active_piece *p, uint32_t authors) {
    struct failure *f = malloc(sizeof *f + p->blocks * sizeof f->block[0]);
    if (!f)
        return NULL;
    *f = (struct failure){.piece = p->index, .length = p->length, .blocks = p->blocks};
    list_init(&f->link);
    f->author = calloc(authors, sizeof *f->author);
    if (f->author)
        return f;
    free(f);
    return NULL;
}

static uint32_t author_of(struct failure *f, find_address *address_of, void *ctx,
                          handle peer) {
    uint32_t i = 0;
    while (i < f->authors && f->author[i].peer != peer)
        i++;
    if (i == f->authors) {
        f->author[i].peer = peer;
        f->author[i].addr = look_up(address_of, ctx, peer);
        f->authors++;
    }
    return i;
}

static int digest_block(uint8_t out[SHA1_LEN], const uint8_t *data, uint32_t length,
                        uint32_t block) {
    uint32_t begin = block * WIRE_BLOCK;
    return sha1(out, data + begin, MIN(WIRE_BLOCK, length - begin));
}

static void remember(struct blame *b, struct failure *f) {
    if (b->count == BLAME_MAX_PIECES)
        forget(b, LIST_ITEM(b->failures.next, struct failure, link));
    list_append(&b->failures, &f->link);
    b->count++;
}

int blame_on_failed(struct blame *b, const struct active_piece *p, const uint8_t *data,
                    find_address *address_of, blame_verdict *guilty,
                    blame_verdict *suspect, void *ctx) {
    uint32_t authors = tell_authors(p, address_of, NULL, ctx);
    (void)tell_authors(p, address_of, authors == 1 ? guilty : suspect, ctx);
    if (authors == 1)
        return 0;
    struct failure *f = failure_new(p, authors);
    if (!f)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < p->blocks; i++) {
        f->block[i].author = author_of(f, address_of, ctx, p->block[i].from);
        if (digest_block(f->block[i].digest, data, p->length, i) < 0) {
            failure_free(f);
            return ERR_NOMEM;
        }
    }
    remember(b, f);
    return 0;
}

/* -- it came good ------------------------------------------------------------------------- */

/* Marks the authors of blocks that differ from the good data. 0, or ERR_NOMEM: then nothing
 * is proved and nobody is judged. */
static int compare(struct failure *f, const uint8_t *data, uint32_t length) {
    assert(f->length == length);
    for (uint32_t i = 0; i < f->blocks; i++) {
        uint8_t digest[SHA1_LEN];
        int err = digest_block(digest, data, length, i);
        if (err < 0)
            return err;
        if (memcmp(digest, f->block[i].digest, SHA1_LEN))
            f->author[f->block[i].author].guilty = true;
    }
    return 0;
}

static bool names(const struct link *failures, handle peer, bool as_guilty) {
    LIST_EACH(l, failures) {
        const struct failure *f = LIST_ITEM(l, struct failure, link);
        for (uint32_t i = 0; i < f->authors; i++)
            if (f->author[i].peer == peer && (f->author[i].guilty || !as_guilty))
                return true;
    }
    return false;
}

/* Cleared is who is guilty in no other failure of this piece and not suspected for another. */
static void give_verdict(const struct blame *b, const struct link *judged,
                         const struct author *a, blame_verdict *guilty,
                         blame_verdict *cleared, void *ctx) {
    if (!a->peer)
        return;
    if (a->guilty)
        guilty(ctx, &a->addr, a->peer);
    else if (cleared && !names(judged, a->peer, true) &&
             !names(&b->failures, a->peer, false))
        cleared(ctx, &a->addr, a->peer);
}

static void take_failures(struct blame *b, uint32_t piece, struct link *out) {
    LIST_EACH(l, &b->failures) {
        if (LIST_ITEM(l, struct failure, link)->piece != piece)
            continue;
        list_remove(l);
        list_append(out, l);
        b->count--;
    }
}

void blame_on_good(struct blame *b, uint32_t piece, const uint8_t *data, uint32_t length,
                   blame_verdict *guilty, blame_verdict *cleared, void *ctx) {
    struct link judged;
    bool complete = true;
    list_init(&judged);
    take_failures(b, piece, &judged);
    LIST_EACH(l, &judged) {
        complete &= compare(LIST_ITEM(l, struct failure, link), data, length) == 0;
    }
    LIST_EACH(l, &judged) {
        const struct failure *f = LIST_ITEM(l, struct failure, link);
        for (uint32_t i = 0; complete && i < f->authors; i++)
            give_verdict(b, &judged, &f->author[i], guilty, cleared, ctx);
    }
    while (!list_empty(&judged))
        failure_free(LIST_ITEM(list_shift(&judged), struct failure, link));
}
