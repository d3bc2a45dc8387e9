/* receive_bench: what the way of a payload byte from the socket to its place costs in three designs.
 *
 *     concatenating   each receive is joined with the bytes that wait; a complete message is cut
 *                     out of them, and its block copied to its place: what most clients begin with
 *     chunked         the wire reader in chunked mode: references, one copy to the place
 *     scatter         the wire reader as it is: the kernel puts the bytes in place
 *
 * The bytes are a seeder's answers in order: blocks of 16 KiB with their headers, 64 MiB a round,
 * into eight piece buffers of 1 MiB in turn. They come from memory, 64 KiB at a time, where a
 * memcpy stands for the kernel, or through a socketpair that another thread fills.
 *
 *     make build/tests/bench/receive_bench && build/tests/bench/receive_bench [ROUNDS] */
#include <pthread.h>

#include "bench.h"
#include "measure.h"
#include "proto/wire_reader.h"

#define PIECE MIB
#define PIECES 64u
#define PER_PIECE (uint32_t)(PIECE / WIRE_BLOCK)
#define BLOCKS (PIECES * PER_PIECE)
#define BUFFERS 8u
#define AT_ONCE 65536u
#define SCRATCH 65536u
#define STREAM ((size_t)BLOCKS * (WIRE_PIECE_HEADER + WIRE_BLOCK))

struct receiver {
    bool scatter, concatenating, from_socket;
    const uint8_t *stream;
    size_t at; /* from memory: what was given */
    int sockets[2];
    uint8_t *buffers, *scratch;
    uint32_t blocks; /* received */
    uint8_t *joined; /* concatenating: the bytes that wait */
    size_t joined_len;
};

/* ---- the torrent ------------------------------------------------------------------- */

static uint8_t content(uint32_t block) {
    return (uint8_t)(block * 37 + 1);
}

static struct wire_message message_of(uint32_t block) {
    return (struct wire_message){WIRE_PIECE, block / PER_PIECE,
                                 block % PER_PIECE * WIRE_BLOCK, WIRE_BLOCK, 0};
}

static uint8_t *place_of(const struct receiver *r, uint32_t block) {
    return r->buffers + block / PER_PIECE % BUFFERS * PIECE +
           block % PER_PIECE * WIRE_BLOCK;
}

static uint8_t *make_stream(void) {
    uint8_t *stream = must(malloc(STREAM)), *at = stream;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct wire_message m = message_of(i);
        at += wire_put(at, &m);
        memset(at, content(i), WIRE_BLOCK);
        at += WIRE_BLOCK;
    }
    return stream;
}

static void note_block(struct receiver *r, uint32_t index, uint32_t begin,
                       const uint8_t *place) {
    uint32_t block = index * PER_PIECE + begin / WIRE_BLOCK;
    if (block != r->blocks || place[0] != content(block) ||
        place[WIRE_BLOCK - 1] != content(block)) {
        fprintf(stderr, "receive_bench: block %u is wrong\n", block);
        exit(3);
    }
    r->blocks++;
}

/* ---- the kernel -------------------------------------------------------------------- */

static size_t read_memory(struct receiver *r, const struct iovec *iov, int iovs) {
    size_t rest = MIN(AT_ONCE, STREAM - r->at), n = 0;
    for (int i = 0; i < iovs && rest > 0; i++) {
        size_t len = MIN(rest, iov[i].iov_len);
        memcpy(iov[i].iov_base, r->stream + r->at, len);
        r->at += len, n += len, rest -= len;
    }
    return n;
}

static size_t read_some(struct receiver *r, const struct iovec *iov, int iovs) {
    if (!r->from_socket)
        return read_memory(r, iov, iovs);
    ssize_t n = readv(r->sockets[0], iov, iovs);
    if (n <= 0)
        die("readv");
    return (size_t)n;
}

static void *write_stream(void *of) {
    struct receiver *r = of;
    for (size_t at = 0; at < STREAM;) {
        ssize_t n = write(r->sockets[1], r->stream + at, MIN(STREAM - at, MIB));
        if (n <= 0)
            die("write");
        at += (size_t)n;
    }
    return NULL;
}

/* ---- the wire reader's owner ------------------------------------------------------- */

static int on_message(void *of, const struct wire_message *m) {
    (void)of, (void)m;
    return 0;
}

static int on_body(void *of, int id, struct chunked_buffer *body, uint32_t len) {
    (void)of, (void)id, (void)body, (void)len;
    return 0;
}

struct owner {
    struct receiver *receiver;
    struct wire_reader reader;
};

static uint8_t *on_piece(void *of, const struct wire_message *m) {
    struct owner *o = of;
    return place_of(o->receiver, m->index * PER_PIECE + m->begin / WIRE_BLOCK);
}

static int on_block(void *of, const struct wire_message *m, uint8_t *place) {
    struct owner *o = of;
    note_block(o->receiver, m->index, m->begin, place);
    return 0;
}

static uint32_t predict(void *of, struct wire_slot *slots, uint32_t max) {
    struct owner *o = of;
    uint32_t next = o->receiver->blocks + o->reader.in_block, n = 0;
    for (; n < max && next < BLOCKS; n++, next++) {
        struct wire_message m = message_of(next);
        slots[n] =
            (struct wire_slot){m.index, m.begin, m.length, place_of(o->receiver, next)};
    }
    return n;
}

static const struct wire_hooks hooks = {.on_message = on_message,
                                        .on_body = on_body,
                                        .on_piece = on_piece,
                                        .on_block = on_block,
                                        .predict = predict};

static void receive_by_reader(struct receiver *r) {
    struct owner o = {.receiver = r};
    struct wire_plan plan;
    wire_reader_init(&o.reader, &hooks, &o, r->scatter);
    o.reader.greeted = true;
    o.reader.pieces = PIECES;
    while (r->blocks < BLOCKS) {
        wire_reader_plan(&o.reader, &plan, r->scratch, SCRATCH, SIZE_MAX);
        size_t n = read_some(r, plan.iov, plan.iovs);
        if (wire_reader_commit(&o.reader, &plan, n) < 0)
            die("commit");
    }
    wire_reader_fini(&o.reader);
}

/* ---- the concatenating receiver ---------------------------------------------------- */

static void join(struct receiver *r, const uint8_t *data, size_t len) {
    uint8_t *both = must(malloc(r->joined_len + len));
    if (r->joined_len > 0)
        memcpy(both, r->joined, r->joined_len);
    memcpy(both + r->joined_len, data, len);
    free(r->joined);
    r->joined = both, r->joined_len += len;
}

static void cut_out(struct receiver *r, size_t len) {
    uint8_t *message = must(malloc(len)), *rest = must(malloc(r->joined_len - len + 1));
    memcpy(message, r->joined, len);
    memcpy(rest, r->joined + len, r->joined_len - len);
    free(r->joined);
    r->joined = rest, r->joined_len -= len;
    uint8_t *place = place_of(r, r->blocks);
    memcpy(place, message + WIRE_PIECE_HEADER, len - WIRE_PIECE_HEADER);
    note_block(r, get_u32(message + 5), get_u32(message + 9), place);
    free(message);
}

static void receive_by_joining(struct receiver *r) {
    struct iovec scratch = {r->scratch, SCRATCH};
    while (r->blocks < BLOCKS) {
        join(r, r->scratch, read_some(r, &scratch, 1));
        while (r->joined_len >= 4 && r->joined_len - 4 >= get_u32(r->joined))
            cut_out(r, 4 + get_u32(r->joined));
    }
    free(r->joined);
    r->joined = NULL, r->joined_len = 0;
}

/* ---- the comparison ---------------------------------------------------------------- */

static void receive_all(struct receiver *r) {
    r->at = 0, r->blocks = 0;
    if (r->concatenating)
        receive_by_joining(r);
    else
        receive_by_reader(r);
}

static double run(void *of) {
    struct receiver *r = of;
    pthread_t writer;
    if (r->from_socket && (socketpair(AF_UNIX, SOCK_STREAM, 0, r->sockets) < 0 ||
                           pthread_create(&writer, NULL, write_stream, r) != 0))
        die("socketpair");
    receive_all(r);
    if (r->from_socket) {
        pthread_join(writer, NULL);
        close(r->sockets[0]), close(r->sockets[1]);
    }
    return (double)BLOCKS * WIRE_BLOCK / 1e9;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"concatenating", "chunked", "scatter"};
    uint8_t *stream = make_stream(), *buffers = must(malloc(BUFFERS * PIECE));
    uint8_t *scratch = must(malloc(SCRATCH));
    for (int from_socket = 0; from_socket < 2; from_socket++) {
        struct receiver r[COUNT_OF(names)];
        struct contender c[COUNT_OF(names)];
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            r[i] = (struct receiver){.concatenating = i == 0,
                                     .scatter = i == 2,
                                     .from_socket = from_socket != 0,
                                     .stream = stream,
                                     .buffers = buffers,
                                     .scratch = scratch};
            c[i] = (struct contender){names[i], run, &r[i]};
        }
        compare(from_socket ? "receive from a socketpair" : "receive from memory", "GB/s",
                rounds_of(argc, argv), c, COUNT_OF(c));
    }
    free(stream), free(buffers), free(scratch);
    return 0;
}
