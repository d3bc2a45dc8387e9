/* blaster: a seeder of one torrent that is never the bottleneck, and an outside counter.
 *
 *     blaster --file F --infohash HEX --piece N [--count N] [--port P] [--connect HOST:PORT]
 *             [--latency-ms L] [--rate BYTES_PER_SECOND] [--each BYTES_PER_SECOND]
 *             [--mute N] [--seconds S]
 *
 * It answers straight from a mapping of the file, many blocks per sendmsg: one thread sends over
 * 2 GB/s. It listens on --count addresses (127.0.0.1, 127.0.0.2, ...) with the same port, or
 * with --connect makes --count connections from so many addresses: some clients refuse to dial
 * loopback. --latency-ms holds each answer back, --rate bounds all of them together, --each
 * every one of them alone. The first N addresses of --mute take requests and never answer.
 *
 * Events: ready, handshake, first_request, all_sent (every block once), gone, and on SIGTERM stats
 * with what was sent, how much of it twice. */
#include <signal.h>
#include <sys/mman.h>

#include "bench.h"

#define BATCH 64 /* blocks per sendmsg */
#define IN_SIZE 65536
#define MAX_REQUEST (1u << 17)
#define REDIAL_AFTER 0.02

struct request {
    uint32_t piece, begin, length;
    double due;
};

/* What may be sent now, in bytes: it fills with time, and goes below zero by a block. */
struct bucket {
    double tokens, at;
};

enum peer_state { DIALING, GREETING, OPEN, GONE };

struct peer {
    struct peer *next;
    enum peer_state state;
    int fd;
    uint32_t number;
    bool unchoked, watched_out, mute;
    struct bucket bucket; /* with --each */
    uint8_t in[IN_SIZE];
    uint32_t in_len;
    struct text control; /* sent before blocks, between two of them */
    size_t control_sent;
    struct request *queue; /* a ring: a power of two */
    uint32_t head, tail, cap;
    uint32_t head_sent; /* bytes of the first answer, header included, that are gone */
    double redial_at;
};

struct blaster {
    const uint8_t *data;
    uint64_t size, blocks;
    uint32_t piece, pieces, count;
    uint8_t info_hash[20];
    uint16_t port;
    uint32_t mute; /* so many of the first addresses */
    bool dials, each;
    struct sockaddr_in target;
    double latency, rate;
    struct bucket bucket; /* of all together */
    int epoll, *listeners;
    struct peer *peers;
    bool *sent_once; /* per block */
    bool requested, all_sent;
    uint64_t sent, twice, requests, accepted, deepest, cancels, haves;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal) {
    (void)signal;
    stopped = 1;
}

/* ---- peers ------------------------------------------------------------------------- */

static void add_peer(struct blaster *b, int fd, uint32_t number, uint32_t address,
                     enum peer_state state) {
    struct peer *p = must(calloc(1, sizeof *p));
    p->fd = fd, p->number = number, p->state = state, p->cap = 4096;
    p->mute = address < b->mute, p->bucket.at = now();
    p->queue = must(malloc(p->cap * sizeof *p->queue));
    p->watched_out = state == DIALING;
    p->next = b->peers, b->peers = p;
    set_nodelay(fd);
    watch(b->epoll, EPOLL_CTL_ADD, fd, p, p->watched_out);
}

static void close_peer(struct peer *p, bool greeted) {
    close(p->fd);
    p->state = GONE;
    p->redial_at = now() + REDIAL_AFTER;
    if (greeted)
        say_event("gone", "");
}

static void watch_out(struct blaster *b, struct peer *p, bool on) {
    if (p->watched_out != on)
        watch(b->epoll, EPOLL_CTL_MOD, p->fd, p, on);
    p->watched_out = on;
}

static void say_hello(struct blaster *b, struct peer *p) {
    uint8_t hello[HANDSHAKE_LEN];
    put_hello(hello, b->info_hash, "BL0002", p->number, true);
    text_add(&p->control, hello, sizeof hello);
}

static void say_have_everything(struct blaster *b, struct peer *p, bool extensions) {
    static const char hello[] = "d1:mde4:reqqi2000ee";
    uint32_t len = (b->pieces + 7) / 8;
    uint8_t header[5];
    if (extensions) {
        text_add(&p->control, header,
                 wire_put_header(header, WIRE_EXTENDED, sizeof hello));
        text_addc(&p->control, 0);
        text_add(&p->control, hello, sizeof hello - 1);
    }
    text_add(&p->control, header, wire_put_header(header, WIRE_BITFIELD, len));
    for (uint32_t i = 0; i < b->pieces / 8; i++)
        text_addc(&p->control, (char)0xff);
    if (b->pieces % 8)
        text_addc(&p->control, (char)(0xff << (8 - b->pieces % 8)));
}

/* ---- sending ----------------------------------------------------------------------- */

static void note_sent(struct blaster *b, const struct request *r) {
    uint64_t block = ((uint64_t)r->piece * b->piece + r->begin) / WIRE_BLOCK;
    b->sent += r->length;
    if (b->sent_once[block])
        b->twice += r->length;
    b->sent_once[block] = true;
    if (!b->all_sent && b->sent - b->twice >= b->size) {
        b->all_sent = true;
        say_event("all_sent", "");
    }
}

static struct request *queued(struct peer *p, uint32_t i) {
    return &p->queue[i & (p->cap - 1)];
}

static void note_answered(struct blaster *b, struct peer *p, size_t n) {
    while (n > 0) {
        struct request *r = queued(p, p->head);
        size_t rest = WIRE_PIECE_HEADER + r->length - p->head_sent;
        if (n < rest) {
            p->head_sent += (uint32_t)n;
            return;
        }
        n -= rest, p->head_sent = 0, p->head++;
        note_sent(b, r);
    }
}

static struct bucket *bucket_of(struct blaster *b, struct peer *p) {
    return b->each ? &p->bucket : &b->bucket;
}

/* May the answer to r begin now? */
static bool is_due(struct blaster *b, struct peer *p, const struct request *r,
                   double time) {
    if (b->latency > 0 && r->due > time)
        return false;
    return b->rate <= 0 || bucket_of(b, p)->tokens > 0;
}

static void refill(struct bucket *bucket, double rate, double time) {
    double most = rate * 0.02 + WIRE_BLOCK;
    bucket->tokens = MIN(most, bucket->tokens + rate * (time - bucket->at));
    bucket->at = time;
}

struct answer {
    struct iovec iov[2 * BATCH];
    uint8_t header[BATCH][WIRE_PIECE_HEADER];
    uint32_t iovs, blocks;
    size_t bytes;
};

static void add_part(struct answer *a, const uint8_t *data, size_t len, size_t *skip) {
    size_t gone = MIN(*skip, len);
    *skip -= gone;
    if (len > gone)
        a->iov[a->iovs++] = (struct iovec){(void *)(uintptr_t)(data + gone), len - gone};
    a->bytes += len - gone;
}

static void gather(struct blaster *b, struct peer *p, struct answer *a) {
    double time = b->rate > 0 || b->latency > 0 ? now() : 0;
    uint32_t most = time > 0 ? 1 : BATCH;
    size_t skip = p->head_sent;
    a->iovs = a->blocks = 0, a->bytes = 0;
    for (uint32_t i = p->head; i != p->tail && a->blocks < most; i++, a->blocks++) {
        struct request *r = queued(p, i);
        if (skip == 0 && !is_due(b, p, r, time))
            return;
        struct wire_message m = {WIRE_PIECE, r->piece, r->begin, r->length, 0};
        wire_put(a->header[a->blocks], &m);
        add_part(a, a->header[a->blocks], WIRE_PIECE_HEADER, &skip);
        add_part(a, b->data + (uint64_t)r->piece * b->piece + r->begin, r->length, &skip);
    }
}

/* 1 all sent, 0 the socket is full, -1 the peer is gone; the same below. */
static int send_control(struct peer *p) {
    while (p->control_sent < p->control.len) {
        ssize_t n = send(p->fd, p->control.data + p->control_sent,
                         p->control.len - p->control_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        p->control_sent += (size_t)n;
    }
    text_clear(&p->control);
    p->control_sent = 0;
    return 1;
}

static int send_blocks(struct blaster *b, struct peer *p) {
    struct answer a;
    for (gather(b, p, &a); a.bytes > 0; gather(b, p, &a)) {
        struct msghdr m = {.msg_iov = a.iov, .msg_iovlen = a.iovs};
        ssize_t n = sendmsg(p->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        bucket_of(b, p)->tokens -= (double)n;
        note_answered(b, p, (size_t)n);
        if ((size_t)n < a.bytes)
            return 0;
    }
    return 1;
}

static bool send_all(struct blaster *b, struct peer *p) {
    int status = p->head_sent == 0 ? send_control(p) : 1;
    if (status == 1)
        status = send_blocks(b, p);
    if (status >= 0)
        watch_out(b, p, status == 0);
    return status >= 0;
}

/* ---- receiving --------------------------------------------------------------------- */

static void grow_queue(struct peer *p) {
    struct request *bigger = must(malloc(2 * p->cap * sizeof *bigger));
    uint32_t n = 0;
    for (uint32_t i = p->head; i != p->tail; i++)
        bigger[n++] = *queued(p, i);
    free(p->queue);
    p->queue = bigger, p->cap *= 2, p->head = 0, p->tail = n;
}

static bool on_request(struct blaster *b, struct peer *p, struct request r) {
    if (r.length > MAX_REQUEST ||
        (uint64_t)r.piece * b->piece + r.begin + r.length > b->size)
        return false;
    if (!b->requested)
        say_event("first_request", "");
    b->requested = true;
    if (p->mute)
        return true;
    if (p->tail - p->head == p->cap)
        grow_queue(p);
    *queued(p, p->tail++) = r;
    b->requests++;
    b->deepest = MAX(b->deepest, p->tail - p->head);
    return true;
}

static void on_cancel(struct blaster *b, struct peer *p, const uint8_t *body) {
    uint32_t from = p->head + (p->head_sent > 0);
    b->cancels++;
    for (uint32_t i = from; i != p->tail; i++) {
        struct request *r = queued(p, i);
        if (r->piece != get_u32(body) || r->begin != get_u32(body + 4))
            continue;
        for (; i + 1 != p->tail; i++)
            *queued(p, i) = *queued(p, i + 1);
        p->tail--;
        return;
    }
}

static bool on_message(struct blaster *b, struct peer *p, const uint8_t *m,
                       uint32_t len) {
    uint8_t unchoke[5];
    if (m[0] == WIRE_REQUEST && len == 13) {
        double due = b->latency > 0 ? now() + b->latency : 0;
        return on_request(
            b, p, (struct request){get_u32(m + 1), get_u32(m + 5), get_u32(m + 9), due});
    }
    if (m[0] == WIRE_CANCEL && len == 13)
        on_cancel(b, p, m + 1);
    if (m[0] == WIRE_HAVE)
        b->haves++;
    if (m[0] == WIRE_INTERESTED && !p->unchoked) {
        text_add(&p->control, unchoke, wire_put_simple(unchoke, WIRE_UNCHOKE));
        p->unchoked = true;
    }
    return m[0] != WIRE_REQUEST;
}

/* How many bytes of the handshake are to be dropped; -1 if it is for another torrent. */
static int on_hello(struct blaster *b, struct peer *p) {
    if (p->in_len < HANDSHAKE_LEN)
        return 0;
    if (memcmp(p->in + 28, b->info_hash, 20) != 0)
        return -1;
    p->state = OPEN;
    say_event("handshake", "");
    if (!b->dials)
        say_hello(b, p);
    say_have_everything(b, p, p->in[25] & 0x10);
    return HANDSHAKE_LEN;
}

static bool parse(struct blaster *b, struct peer *p) {
    int hello = p->state == GREETING ? on_hello(b, p) : 0;
    uint32_t at = hello > 0 ? (uint32_t)hello : 0;
    if (hello < 0)
        return false;
    while (p->state == OPEN && p->in_len - at >= 4) {
        uint32_t len = get_u32(p->in + at);
        if (len > IN_SIZE - 4)
            return false;
        if (p->in_len - at - 4 < len)
            break;
        if (len > 0 && !on_message(b, p, p->in + at + 4, len))
            return false;
        at += 4 + len;
    }
    memmove(p->in, p->in + at, p->in_len - at);
    p->in_len -= at;
    return true;
}

static bool receive_all(struct blaster *b, struct peer *p) {
    for (;;) {
        ssize_t n = recv(p->fd, p->in + p->in_len, IN_SIZE - p->in_len, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        p->in_len += (uint32_t)n;
        if (!parse(b, p))
            return false;
    }
}

/* ---- the loop ---------------------------------------------------------------------- */

static void dial(struct blaster *b, uint32_t number) {
    add_peer(b, dial_from(number, &b->target), number, number, DIALING);
}

static void listen_on(struct blaster *b, uint32_t number) {
    struct sockaddr_in a = loopback(number, b->port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0)
        die("listen");
    b->listeners[number] = fd;
    watch(b->epoll, EPOLL_CTL_ADD, fd, &b->listeners[number], false);
}

static void accept_all(struct blaster *b, const int *listener) {
    uint32_t address = (uint32_t)(listener - b->listeners);
    int fd;
    while ((fd = accept4(*listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        add_peer(b, fd, (uint32_t)b->accepted++, address, GREETING);
}

static void on_ready(struct blaster *b, struct peer *p, uint32_t events) {
    bool alive = true;
    if (p->state == GONE)
        return;
    if (p->state == DIALING) {
        alive = dial_error(p->fd) == 0 && !(events & (EPOLLERR | EPOLLHUP));
        if (alive && (events & EPOLLOUT))
            p->state = GREETING, say_hello(b, p);
    }
    if (alive && p->state != DIALING && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        alive = receive_all(b, p);
    if (alive && p->state != DIALING)
        alive = send_all(b, p);
    if (!alive)
        close_peer(p, p->state == OPEN);
}

static bool is_listener(const struct blaster *b, const void *owner) {
    const int *p = owner;
    return !b->dials && p >= b->listeners && p < b->listeners + b->count;
}

/* Answers that were held back, and the rate shared out in turns. */
static void send_what_is_due(struct blaster *b) {
    double time = now();
    refill(&b->bucket, b->rate, time);
    for (struct peer *p = b->peers; p; p = p->next) {
        refill(&p->bucket, b->rate, time);
        if (p->state == OPEN && p->head != p->tail && !send_all(b, p))
            close_peer(p, true);
    }
    if (b->peers && b->peers->next) { /* another one is first in the next turn */
        struct peer *first = b->peers, **last = &b->peers->next;
        while (*last)
            last = &(*last)->next;
        b->peers = first->next, first->next = NULL, *last = first;
    }
}

static void free_peer(struct peer *p) {
    text_free(&p->control);
    free(p->queue);
    free(p);
}

static void bury(struct blaster *b) {
    for (struct peer **at = &b->peers; *at;) {
        struct peer *p = *at;
        bool again = b->dials && !b->all_sent;
        if (p->state != GONE || (again && now() < p->redial_at)) {
            at = &p->next;
            continue;
        }
        uint32_t number = p->number;
        *at = p->next;
        free_peer(p);
        if (again)
            dial(b, number);
    }
}

static void turn(struct blaster *b) {
    bool slow = b->latency > 0 || b->rate > 0;
    struct epoll_event events[256];
    int n = epoll_wait(b->epoll, events, COUNT_OF(events),
                       slow       ? 1
                       : b->dials ? 20
                                  : 500);
    for (int i = 0; i < n; i++)
        if (is_listener(b, events[i].data.ptr))
            accept_all(b, events[i].data.ptr);
        else
            on_ready(b, events[i].data.ptr, events[i].events);
    if (slow)
        send_what_is_due(b);
    bury(b);
}

static void map_file(struct blaster *b, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    b->size = (uint64_t)st.st_size;
    void *data = mmap(NULL, b->size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        die("mmap");
    b->data = data;
    b->pieces = count_pieces(b->size, b->piece);
    b->sent_once = must(calloc(b->size / WIRE_BLOCK + 1, sizeof *b->sent_once));
}

static void configure(struct blaster *b, int argc, char **argv) {
    const char *target = option(argc, argv, "--connect", "");
    b->piece = (uint32_t)option_number(argc, argv, "--piece", NULL);
    b->count = (uint32_t)option_number(argc, argv, "--count", "1");
    b->port = (uint16_t)option_number(argc, argv, "--port", "6881");
    b->latency = atof(option(argc, argv, "--latency-ms", "0")) / 1e3;
    b->rate = atof(option(argc, argv, "--each", "0"));
    b->each = b->rate > 0;
    if (!b->each)
        b->rate = atof(option(argc, argv, "--rate", "0"));
    b->mute = (uint32_t)option_number(argc, argv, "--mute", "0");
    b->dials = *target != 0;
    if (b->dials)
        b->target = parse_address(target);
    option_info_hash(argc, argv, b->info_hash);
    map_file(b, option(argc, argv, "--file", NULL));
}

static void start(struct blaster *b) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->listeners = must(calloc(b->count, sizeof *b->listeners));
    b->bucket.at = now();
    for (uint32_t i = 0; i < b->count; i++)
        if (b->dials)
            dial(b, i);
        else
            listen_on(b, i);
    say_event("ready", "");
}

static void say_stats(const struct blaster *b) {
    char more[256];
    snprintf(more, sizeof more,
             ",\"sent\":%ju,\"twice\":%ju,\"requests\":%ju,\"accepted\":%ju,"
             "\"deepest\":%ju,\"cancels\":%ju,\"haves\":%ju",
             (uintmax_t)b->sent, (uintmax_t)b->twice, (uintmax_t)b->requests,
             (uintmax_t)b->accepted, (uintmax_t)b->deepest, (uintmax_t)b->cancels,
             (uintmax_t)b->haves);
    say_event("stats", more);
}

int main(int argc, char **argv) {
    struct blaster b = {0};
    configure(&b, argc, argv);
    start(&b);
    double until = now() + atof(option(argc, argv, "--seconds", "600"));
    while (!stopped && now() < until)
        turn(&b);
    say_stats(&b);
    return 0;
}
