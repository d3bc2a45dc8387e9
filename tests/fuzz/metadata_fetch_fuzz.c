/* Any order of what can happen to a metadata_fetch. Each byte pair is one event: its first
 * half says which and for which of eight peers, the second is its number. */
#include <stdlib.h>
#include <string.h>

#include "proto/metadata_fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE (2 * METADATA_PIECE + 10)

static void require(bool ok) {
    if (!ok)
        abort();
}

struct run {
    struct metadata_fetch *f;
    const uint8_t *info;
    usec now;
    uint32_t asked; /* the last piece asked for */
};

static void on_data(struct run *r, handle peer, uint8_t number) {
    static const uint8_t wrong[METADATA_PIECE] = {1};
    uint32_t piece = number & 0x40 ? r->asked : number & 7, count;
    if (piece > 2)
        return;
    struct ut_metadata d = {
        METADATA_DATA, piece, SIZE, {r->info + piece * METADATA_PIECE, 0}};
    d.payload.len = number & 0x20 ? 77 : metadata_piece_len(SIZE, piece);
    if (number & 0x80)
        d.payload.data = wrong;
    if (number & 0x10)
        d.total_size = number;
    int rc = metadata_fetch_on_data(r->f, peer, &d, r->now);
    (void)metadata_fetch_suspects(r->f, &count);
    require(rc != 1 || metadata_fetch_done(r->f));
}

static void on_peer(struct run *r, handle peer, uint8_t number) {
    uint32_t size = number < 128 ? SIZE : (uint32_t)number * number * 512;
    (void)!metadata_fetch_on_peer(r->f, peer, size);
}

static void step(struct run *r, uint8_t event, uint8_t number) {
    handle peer = (event & 7u) + 1;
    uint32_t pieces;
    switch (event >> 4) {
    case 0: on_peer(r, peer, number); break;
    case 1: metadata_fetch_on_gone(r->f, peer); break;
    case 2: metadata_fetch_on_reject(r->f, peer, number, r->now); break;
    case 3:
        r->now += number * USEC_PER_SEC / 4;
        metadata_fetch_tick(r->f, r->now);
        require(metadata_fetch_due(r->f) > r->now);
        break;
    case 4:
    case 5:
    case 6:
        if (metadata_fetch_next_request(r->f, peer, r->now, &r->asked))
            require(r->asked < metadata_pieces(31457280));
        break;
    default: on_data(r, peer, number);
    }
    require(metadata_fetch_progress(r->f, &pieces) <= pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t info[SIZE];
    uint8_t info_hash[SHA1_LEN];
    size_t len;
    memset(info, 5, sizeof info);
    require(sha1(info_hash, info, SIZE) == 0);
    struct run r = {.f = metadata_fetch_new(info_hash), .info = info, .now = 1};
    require(r.f);
    for (size_t i = 0; i + 1 < size; i += 2)
        step(&r, data[i], data[i + 1]);
    uint8_t *result = metadata_fetch_take(r.f, &len);
    require(!result || (len == SIZE && memcmp(result, info, SIZE) == 0));
    free(result);
    metadata_fetch_free(r.f);
    return 0;
}
