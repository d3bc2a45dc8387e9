/* stream_server: what tests/lua/http_spec.lua cannot make happen: memory that runs out at every moment of
 * an answer, clients that say nothing for longer than they may, and an end with all of them there. */
#include "engine/stream_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/engine/swarm_fixture.h"

static const struct stream_asset page = {"", "text/html", "moon", 4};
static const struct stream_options options = {
    .token = "tok", .assets = &page, .asset_count = 1};

struct client {
    int fd;
    char bytes[512]; /* the beginning of the answer */
    size_t len;
    bool ended;
};

static void client_open(struct client *c, const struct session *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(s->http->at.port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    CHECK_INT(connect(c->fd, (struct sockaddr *)&at, sizeof at), 0);
}

static void client_say(const struct client *c, const char *words) {
    CHECK_INT(send(c->fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

/* Takes what is there; true once it has an answer's first line or the connection is at its end. */
static bool client_heard(struct client *c) {
    char rest[4096];
    ssize_t n;
    while ((n = recv(c->fd, rest, sizeof rest, MSG_DONTWAIT)) > 0) {
        size_t take = MIN((size_t)n, sizeof c->bytes - 1 - c->len);
        memcpy(c->bytes + c->len, rest, take);
        c->len += take;
    }
    c->ended = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return c->ended || strstr(c->bytes, "\r\n");
}

static void ask(const struct client *c, const char *place) {
    char words[256];
    snprintf(words, sizeof words,
             "GET /tok/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
             place);
    client_say(c, words);
}

TEST(stream_server_opens_whole_or_not_at_all) {
    struct swarm w;
    swarm_open(&w);
    struct session *s = node_open(&w, &(struct node_options){.seed = true})->s;
    CHECK_EACH_NOMEM(n) {
        struct err e = {0};
        check_nomem_at(n);
        int status = stream_server_open(s, &options, &e);
        if (check_nomem_hit())
            CHECK_INT(status, ERR_NOMEM);
        CHECK_INT(s->http != NULL, status == 0);
        CHECK_INT(e.code, status);
        stream_server_close(s);
        stream_server_close(s);
    }
    swarm_close(&w);
}

/* An answer, or the end of the connection; and the next client is served. */
static void check_answers_without_memory(const struct node_options *o,
                                         const char *place) {
    struct swarm w;
    swarm_open(&w);
    struct session *s = node_open(&w, o)->s;
    CHECK_INT(stream_server_open(s, &options, NULL), 0);
    CHECK_EACH_NOMEM(n) {
        struct client c, next;
        client_open(&c, s);
        ask(&c, place);
        check_nomem_at(n);
        STEP_UNTIL(&w, client_heard(&c));
        (void)check_nomem_hit();
        close(c.fd);
        client_open(&next, s);
        ask(&next, "");
        STEP_UNTIL(&w, client_heard(&next));
        CHECK(strncmp(next.bytes, "HTTP/1.1 200 ", 13) == 0);
        close(next.fd);
        STEP_UNTIL(&w, http_connections(s->http->http) == 0);
        CHECK(list_empty(&s->http->streams));
    }
    swarm_close(&w);
}

static char *place_of(char out[128], const char *rest) {
    struct swarm w;
    char hex[41];
    swarm_open(&w);
    hex_encode(hex, w.m->info_hash, 20);
    swarm_close(&w);
    snprintf(out, 128, "%s%s", hex, rest);
    return out;
}

TEST(stream_server_answers_or_hangs_up_without_memory) {
    static const char *const places[] = {"", "status.json", "nothing"};
    static const char *const rests[] = {".m3u", "/1/a", "/2/b"};
    const struct node_options seed = {.seed = true}, empty = {.paused = true};
    char place[128];
    for (size_t i = 0; i < COUNT_OF(places); i++)
        check_answers_without_memory(&seed, places[i]);
    for (size_t i = 0; i < COUNT_OF(rests); i++)
        check_answers_without_memory(&seed, place_of(place, rests[i]));
    check_answers_without_memory(&empty, place_of(place, ".m3u"));
}

TEST(stream_server_lets_go_of_clients_that_ask_for_nothing) {
    struct swarm w;
    struct client silent, slow;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_INT(stream_server_open(n->s, &options, NULL), 0);
    client_open(&silent, n->s);
    client_open(&slow, n->s);
    client_say(&slow, "GET /tok/ HTTP/1.1\r\nHost: loc");
    STEP_UNTIL(&w, http_connections(n->s->http->http) == 2);
    node_pass(n, HTTP_IDLE + USEC_PER_SEC);
    STEP_UNTIL(&w, client_heard(&silent) && client_heard(&slow));
    CHECK(silent.ended && slow.ended);
    STEP_UNTIL(&w, http_connections(n->s->http->http) == 0);
    close(silent.fd);
    close(slow.fd);
    swarm_close(&w);
}

/* A paused player does just that. */
TEST(stream_server_keeps_a_client_that_waits_for_its_answer) {
    struct swarm w;
    struct client c;
    char place[128];
    place_of(place, "/1/a");
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.paused = true});
    CHECK_INT(stream_server_open(n->s, &options, NULL), 0);
    client_open(&c, n->s);
    ask(&c, place);
    STEP_UNTIL(&w, client_heard(&c));
    node_pass(n, 100 * HTTP_IDLE);
    swarm_settle(&w);
    CHECK(!list_empty(&n->s->http->streams));
    CHECK_INT(http_connections(n->s->http->http), 1);
    node_close(n); /* with the client still there */
    STEP_UNTIL(&w, client_heard(&c) && c.ended);
    close(c.fd);
    swarm_close(&w);
}

/* ---- a film on disk ------------------------------------------------------------------ */

#define FILM_PIECES 12u

static struct node *film_open(struct swarm *w, char path[600]) {
    swarm_open_large(w, FILM_PIECES, 1u << 20);
    struct node *n = node_open(w, &(struct node_options){.seed = true});
    CHECK_INT(stream_server_open(n->s, &options, NULL), 0);
    snprintf(path, 600, "%s/t", n->directory);
    return n;
}

/* As long as nothing is read most of it has yet to be sent: no buffers are that large. */
static void film_ask(struct client *c, const struct node *n) {
    char place[64], hex[41];
    client_open(c, n->s);
    hex_encode(hex, n->t->info_hash, 20);
    snprintf(place, sizeof place, "%s/1/t", hex);
    ask(c, place);
}

static bool has_something(const struct client *c) {
    char byte;
    return recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

static bool comes_by_reader(const struct session *s) {
    const struct link *all = &s->http->streams;
    CHECK(!list_empty(all));
    return LIST_ITEM(all->next, struct feed, link)->reader != NULL;
}

TEST(stream_server_ends_what_was_cut_while_it_was_sent_and_says_so) {
    struct swarm w;
    struct client c;
    char path[600];
    struct node *n = film_open(&w, path);
    film_ask(&c, n);
    STEP_UNTIL(&w, has_something(&c));
    CHECK(!comes_by_reader(n->s)); /* sendfile */
    node_pass(n, 3 * HTTP_LOOK);
    swarm_settle(&w);
    CHECK(!list_empty(&n->s->http->streams)); /* all is well */
    CHECK_INT(n->count[EVENT_ERROR], 0);
    CHECK_INT(truncate(path, 11 << 20), 0);
    node_pass(n, HTTP_LOOK);
    STEP_UNTIL(&w, http_connections(n->s->http->http) == 0);
    CHECK(list_empty(&n->s->http->streams));
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK_INT(n->code[EVENT_ERROR], ERR_EOF);
    CHECK(strstr(n->text[EVENT_ERROR], "has become shorter: check the torrent again"));
    close(c.fd);
    swarm_close(&w);
}

TEST(stream_server_says_what_is_wrong_with_a_file_that_it_cannot_read) {
    struct swarm w;
    struct client c;
    char path[600];
    struct node *n = film_open(&w, path);
    CHECK_INT(truncate(path, 1 << 20), 0);
    film_ask(&c, n);
    STEP_UNTIL(&w, client_heard(&c) && c.ended);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(strstr(n->text[EVENT_ERROR], "is shorter than it should be"));
    close(c.fd);
    swarm_close(&w);
}

/* False on a file system that is nothing but a cache. */
static bool drop_from_page_cache(const char *path) {
    unsigned char here;
    size_t step = (size_t)sysconf(_SC_PAGESIZE);
    int fd = open(path, O_RDONLY);
    CHECK_INT(fsync(fd), 0);
    CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    void *map = mmap(NULL, step, PROT_READ, MAP_SHARED, fd, 0);
    CHECK_INT(mincore(map, step, &here), 0);
    munmap(map, step);
    close(fd);
    return !(here & 1);
}

/* What sendfile would wait for is read by workers: the loop has others to look after. */
TEST(stream_server_reads_what_is_not_in_the_page_cache) {
    struct swarm w;
    struct client c;
    char path[600];
    struct node *n = film_open(&w, path);
    bool cold = drop_from_page_cache(path);
    film_ask(&c, n);
    STEP_UNTIL(&w, has_something(&c));
    CHECK_INT(comes_by_reader(n->s), cold);
    close(c.fd);
    swarm_close(&w);
}

/* The server's end of the one connection that it has. */
static int accepted_socket(uint16_t port) {
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in own, other;
        socklen_t len = sizeof own, other_len = sizeof other;
        if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
            own.sin_family == AF_INET && own.sin_port == htons(port) &&
            getpeername(fd, (struct sockaddr *)&other, &other_len) == 0)
            return fd;
    }
    return -1;
}

/* Of a machine that was switched off nothing comes any more, and to one that waits nothing is sent. */
TEST(stream_server_has_the_kernel_ask_whether_clients_live) {
    struct swarm w;
    struct client c;
    int on = 0, idle = 0;
    socklen_t len = sizeof on;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_INT(stream_server_open(n->s, &options, NULL), 0);
    client_open(&c, n->s);
    STEP_UNTIL(&w, http_connections(n->s->http->http) == 1);
    int fd = accepted_socket(n->s->http->at.port);
    CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
    CHECK_INT(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len), 0);
    CHECK(on && idle <= 30);
    close(c.fd);
    swarm_close(&w);
}

/* ---- patience ------------------------------------------------------------------------ */

/* No byte of its headers buys it more time: they have come for 30 ms when 30 s minus 20 ms pass. */
TEST(stream_server_lets_go_of_a_client_whose_headers_trickle) {
    static const char words[] = "GET /tok/ HTTP/1.1\r\nHost: localhost\r\nX: ";
    struct swarm w;
    struct client c;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_INT(stream_server_open(n->s, &options, NULL), 0);
    client_open(&c, n->s);
    STEP_UNTIL(&w, http_connections(n->s->http->http) == 1);
    usec begin = session_now(n->s), end = begin + 30 * USEC_PER_MSEC;
    client_say(&c, words);
    while (session_now(n->s) < end) {
        client_say(&c, "x");
        swarm_step(&w);
    }
    CHECK(!client_heard(&c));
    node_pass(n, HTTP_IDLE - 20 * USEC_PER_MSEC);
    STEP_UNTIL(&w, client_heard(&c));
    CHECK(c.ended);
    CHECK_INT(c.len, 0);
    close(c.fd);
    swarm_close(&w);
}
