/* ideal: the floor. A leecher that does only what cannot be avoided: receive, SHA-1, write.
 *
 *     ideal --infohash HEX --size BYTES --piece N --hashes RAW --out FILE --thread 0|1
 *           [--depth BLOCKS] --peers HOST:PORT[,HOST:PORT]...
 *
 * It trusts the seeder (blaster) to answer in order with nothing in between, so that one recvmsg
 * scatters many blocks straight to their places: {header, block, header, block, ...}. Piece
 * buffers are used over and over; a complete one is hashed by OpenSSL and written by one pwrite.
 * With --thread 1 another thread does that, with at most eight pieces waiting.
 *
 * Prints "done" when all is verified and written. */
#include <openssl/evp.h>
#include <pthread.h>

#include "bench.h"

#define SLOTS 32 /* blocks per recvmsg */
#define PEERS 64
#define WAITING 8 /* pieces, for the thread */

struct buffer {
    struct buffer *next; /* free, or waiting to be hashed */
    uint8_t *data;
    uint32_t piece;
};

struct block {
    struct buffer *buffer;
    uint32_t begin, length;
};

struct connection {
    int fd;
    struct block *queue; /* what was asked, in order: a ring */
    uint32_t head, tail, mask;
    uint8_t header[WIRE_PIECE_HEADER];
    uint32_t got;          /* bytes of the first answer, header included */
    struct buffer *asking; /* the piece being asked for, from */
    uint32_t begin;        /* here on */
    struct text out;
    bool done;
};

struct ideal {
    uint8_t info_hash[20], *hashes;
    uint64_t size;
    uint32_t piece, pieces, depth, next;
    int epoll, file;
    struct connection connections[PEERS];
    uint32_t count, left;
    struct buffer *free, *waiting, **last;
    uint32_t waits, finished;
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t more, fewer;
    pthread_t thread;
};

/* ---- pieces ------------------------------------------------------------------------ */

static struct buffer *take_buffer(struct ideal *d) {
    pthread_mutex_lock(&d->lock);
    struct buffer *b = d->free;
    if (b)
        d->free = b->next;
    pthread_mutex_unlock(&d->lock);
    if (b)
        return b;
    b = must(calloc(1, sizeof *b));
    b->data = must(aligned_alloc(4096, (d->piece + 4095) / 4096 * 4096));
    return b;
}

static void check_hash(struct ideal *d, const struct buffer *b, uint32_t size) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(b->data, size, digest, NULL, EVP_sha1(), NULL) ||
        memcmp(digest, d->hashes + (size_t)b->piece * 20, 20) != 0) {
        fprintf(stderr, "ideal: piece %u is bad\n", b->piece);
        exit(3);
    }
}

static void write_piece(struct ideal *d, const struct buffer *b, uint32_t size) {
    off_t at = (off_t)b->piece * d->piece;
    for (uint32_t done = 0; done < size;) {
        ssize_t n = pwrite(d->file, b->data + done, size - done, at + done);
        if (n <= 0)
            die("pwrite");
        done += (uint32_t)n;
    }
}

static void finish(struct ideal *d, struct buffer *b) {
    uint32_t size = piece_size(d->size, d->piece, b->piece);
    check_hash(d, b, size);
    write_piece(d, b, size);
    pthread_mutex_lock(&d->lock);
    b->next = d->free, d->free = b;
    d->finished++;
    pthread_cond_signal(&d->fewer);
    pthread_mutex_unlock(&d->lock);
}

static void *work(void *of) {
    struct ideal *d = of;
    for (uint32_t i = 0; i < d->pieces; i++) {
        pthread_mutex_lock(&d->lock);
        while (!d->waiting)
            pthread_cond_wait(&d->more, &d->lock);
        struct buffer *b = d->waiting;
        d->waiting = b->next;
        if (--d->waits == 0)
            d->last = &d->waiting;
        pthread_mutex_unlock(&d->lock);
        finish(d, b);
    }
    return NULL;
}

static void hand_over(struct ideal *d, struct buffer *b) {
    pthread_mutex_lock(&d->lock);
    while (d->waits >= WAITING)
        pthread_cond_wait(&d->fewer, &d->lock);
    b->next = NULL, *d->last = b, d->last = &b->next;
    d->waits++;
    pthread_cond_signal(&d->more);
    pthread_mutex_unlock(&d->lock);
}

static void on_complete(struct ideal *d, struct buffer *b) {
    if (d->threaded)
        hand_over(d, b);
    else
        finish(d, b);
}

/* ---- asking ------------------------------------------------------------------------ */

static struct block *queued(struct connection *c, uint32_t i) {
    return &c->queue[i & c->mask];
}

static void ask_block(struct ideal *d, struct connection *c) {
    struct buffer *b = c->asking;
    uint32_t rest = piece_size(d->size, d->piece, b->piece) - c->begin;
    struct wire_message m = {WIRE_REQUEST, b->piece, c->begin, MIN(rest, WIRE_BLOCK), 0};
    uint8_t raw[WIRE_REQUEST_LEN];
    text_add(&c->out, raw, wire_put(raw, &m));
    *queued(c, c->tail++) = (struct block){b, m.begin, m.length};
    c->begin += m.length;
    if (m.length == rest)
        c->asking = NULL;
}

static void refill(struct ideal *d, struct connection *c) {
    if (c->tail - c->head > d->depth * 3 / 4)
        return;
    while (c->tail - c->head < d->depth) {
        if (!c->asking) {
            if (d->next == d->pieces)
                return;
            c->asking = take_buffer(d), c->begin = 0;
            c->asking->piece = d->next++;
        }
        ask_block(d, c);
    }
}

static void flush(struct ideal *d, struct connection *c) {
    if (c->out.len == 0)
        return;
    ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        die("send");
    size_t sent = n > 0 ? (size_t)n : 0, rest = c->out.len - sent;
    memmove(c->out.data, c->out.data + sent, rest);
    c->out.len = rest;
    watch(d->epoll, EPOLL_CTL_MOD, c->fd, c, rest > 0);
}

/* ---- receiving --------------------------------------------------------------------- */

struct plan {
    struct iovec iov[2 * SLOTS];
    uint8_t header[SLOTS][WIRE_PIECE_HEADER];
    uint32_t iovs, slots;
    size_t bytes;
};

static void add_part(struct plan *p, uint8_t *data, uint32_t len, uint32_t *skip) {
    uint32_t gone = MIN(*skip, len);
    *skip -= gone;
    if (len > gone)
        p->iov[p->iovs++] = (struct iovec){data + gone, len - gone};
    p->bytes += len - gone;
}

static void lay_out(struct connection *c, struct plan *p) {
    uint32_t skip = c->got;
    p->iovs = p->slots = 0, p->bytes = 0;
    memcpy(p->header[0], c->header, sizeof c->header);
    for (uint32_t i = c->head; i != c->tail && p->slots < SLOTS; i++, p->slots++) {
        struct block *b = queued(c, i);
        add_part(p, p->header[p->slots], WIRE_PIECE_HEADER, &skip);
        add_part(p, b->buffer->data + b->begin, b->length, &skip);
    }
}

static void check_header(const struct block *b, const uint8_t *h) {
    if (get_u32(h) == 9 + b->length && h[4] == WIRE_PIECE &&
        get_u32(h + 5) == b->buffer->piece && get_u32(h + 9) == b->begin)
        return;
    fprintf(stderr, "ideal: the seeder did not answer in order\n");
    exit(3);
}

static void note_received(struct ideal *d, struct connection *c, const struct plan *p,
                          size_t n) {
    for (uint32_t slot = 0; n > 0; slot++) {
        struct block *b = queued(c, c->head);
        size_t rest = WIRE_PIECE_HEADER + b->length - c->got;
        if (n < rest) {
            c->got += (uint32_t)n;
            memcpy(c->header, p->header[slot], sizeof c->header);
            return;
        }
        check_header(b, p->header[slot]);
        n -= rest, c->got = 0, c->head++;
        if (b->begin + b->length == piece_size(d->size, d->piece, b->buffer->piece))
            on_complete(d, b->buffer);
    }
}

static void receive(struct ideal *d, struct connection *c) {
    for (int reads = 0; reads < 8 && c->head != c->tail; reads++) {
        struct plan p;
        lay_out(c, &p);
        struct msghdr m = {.msg_iov = p.iov, .msg_iovlen = p.iovs};
        ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("recvmsg");
        note_received(d, c, &p, (size_t)n);
        refill(d, c);
        flush(d, c);
        if ((size_t)n < p.bytes)
            return;
    }
}

/* ---- connecting -------------------------------------------------------------------- */

static void receive_exactly(int fd, uint8_t *to, size_t len) {
    if (len > 0 && recv(fd, to, len, MSG_WAITALL) != (ssize_t)len)
        die("recv");
}

/* Nothing follows UNCHOKE, since nothing was asked. */
static void wait_for_unchoke(int fd) {
    uint8_t *body = must(malloc(WIRE_MAX_MESSAGE)), length[4];
    receive_exactly(fd, body, HANDSHAKE_LEN);
    do {
        receive_exactly(fd, length, sizeof length);
        if (get_u32(length) > WIRE_MAX_MESSAGE)
            die("message");
        receive_exactly(fd, body, get_u32(length));
    } while (get_u32(length) == 0 || body[0] != WIRE_UNCHOKE);
    free(body);
}

static void greet(struct ideal *d, struct connection *c) {
    uint8_t hello[HANDSHAKE_LEN + 5];
    put_hello(hello, d->info_hash, "ID0002", d->count, false);
    wire_put_simple(hello + HANDSHAKE_LEN, WIRE_INTERESTED);
    if (send(c->fd, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        die("send");
    wait_for_unchoke(c->fd);
}

static void connect_to(struct ideal *d, const char *address) {
    struct sockaddr_in a = parse_address(address);
    struct connection *c = &d->connections[d->count];
    uint32_t cap = 1;
    while (cap < d->depth)
        cap *= 2;
    c->queue = must(malloc(cap * sizeof *c->queue));
    c->mask = cap - 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
        die(address);
    set_nodelay(c->fd);
    greet(d, c);
    watch(d->epoll, EPOLL_CTL_ADD, c->fd, c, false);
    d->count++;
}

static void connect_to_all(struct ideal *d, const char *list) {
    char *copy = must(strdup(list)), *rest = copy, *address;
    while (d->count < PEERS && (address = strsep(&rest, ",")))
        connect_to(d, address);
    d->left = d->count;
    free(copy);
}

/* ---- the loop ---------------------------------------------------------------------- */

static void note_if_done(struct ideal *d, struct connection *c) {
    if (!c->done && c->head == c->tail && !c->asking && d->next == d->pieces)
        c->done = true, d->left--;
}

static void on_ready(struct ideal *d, struct connection *c) {
    receive(d, c);
    flush(d, c);
    note_if_done(d, c);
}

static void download(struct ideal *d) {
    struct epoll_event events[PEERS];
    for (uint32_t i = 0; i < d->count; i++) {
        refill(d, &d->connections[i]);
        flush(d, &d->connections[i]);
        note_if_done(d, &d->connections[i]); /* nothing was left for it */
    }
    while (d->left > 0) {
        int n = epoll_wait(d->epoll, events, COUNT_OF(events), 1000);
        for (int i = 0; i < n; i++)
            on_ready(d, events[i].data.ptr);
    }
    if (d->threaded)
        pthread_join(d->thread, NULL);
}

static void open_files(struct ideal *d, const char *hashes, const char *out) {
    size_t len = (size_t)d->pieces * 20;
    int fd = open(hashes, O_RDONLY | O_CLOEXEC);
    d->hashes = must(malloc(len));
    if (fd < 0 || read(fd, d->hashes, len) != (ssize_t)len)
        die(hashes);
    close(fd);
    d->file = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (d->file < 0 || ftruncate(d->file, (off_t)d->size) < 0)
        die(out);
}

int main(int argc, char **argv) {
    struct ideal *d = must(calloc(1, sizeof *d));
    option_info_hash(argc, argv, d->info_hash);
    d->size = option_number(argc, argv, "--size", NULL);
    d->piece = (uint32_t)option_number(argc, argv, "--piece", NULL);
    d->depth = (uint32_t)option_number(argc, argv, "--depth", "256");
    d->threaded = option_number(argc, argv, "--thread", "0") != 0;
    d->pieces = count_pieces(d->size, d->piece);
    d->last = &d->waiting;
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->more, NULL);
    pthread_cond_init(&d->fewer, NULL);
    open_files(d, option(argc, argv, "--hashes", NULL),
               option(argc, argv, "--out", NULL));
    connect_to_all(d, option(argc, argv, "--peers", NULL));
    if (d->threaded && pthread_create(&d->thread, NULL, work, d) != 0)
        die("pthread_create");
    download(d);
    say_event("done", "");
    _exit(d->finished == d->pieces ? 0 : 3);
}
