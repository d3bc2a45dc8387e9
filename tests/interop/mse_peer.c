/* mse_peer: the smallest peer that speaks MSE, to meet foreign clients with it.
 *
 *     mse_peer dial|listen PORT INFO_HASH rc4|both
 *
 * One connection on 127.0.0.1: both handshakes, then "interested" is said and messages are
 * read until the other side, a seed, unchokes us: so bytes behind the handshake have gone
 * both ways. Prints "obfuscated O encrypted E by CLIENT". */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "proto/mse.h"

enum { UNCHOKE = 1, INTERESTED = 2 }; /* ids of messages */

struct peer {
    int fd;
    struct mse m;
    struct chunked_buffer in; /* decrypted */
    uint8_t info_hash[20];
};

_Noreturn static void give_up(const char *what, int code) {
    fprintf(stderr, "%s: %s\n", what, code < 0 ? err_name(code) : "failed");
    exit(1);
}

static void require(bool ok, const char *what) {
    if (!ok)
        give_up(what, 0);
}

static int connection(bool dials, uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(fd >= 0, "socket");
    if (dials) {
        require(connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
        return fd;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    require(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    require(listen(fd, 1) == 0, "listen");
    puts("listening");
    fflush(stdout);
    return accept(fd, NULL, NULL);
}

static void send_all(struct peer *p, const void *data, size_t len) {
    const char *at = data;
    for (ssize_t n; len; at += n, len -= (size_t)n)
        require((n = send(p->fd, at, len, MSG_NOSIGNAL)) > 0, "send");
}

static void receive(struct peer *p, struct chunked_buffer *to, bool decrypt) {
    uint8_t data[4096];
    ssize_t n = recv(p->fd, data, sizeof data, 0);
    require(n > 0, "the other side closed");
    if (decrypt)
        mse_decrypt(&p->m.in, data, (size_t)n);
    require(chunked_buffer_push_copy(to, data, (size_t)n) == 0, "memory");
}

static bool find(void *owner, const uint8_t obfuscated[20], uint8_t info_hash_out[20]) {
    struct peer *p = owner;
    uint8_t known[20];
    memcpy(info_hash_out, p->info_hash, 20);
    return mse_obfuscate(known, p->info_hash) == 0 && memcmp(known, obfuscated, 20) == 0;
}

static const struct mse_hooks hooks = {find, NULL};

static void run_mse(struct peer *p) {
    struct chunked_buffer raw;
    struct text out;
    int rc;
    chunked_buffer_init(&raw);
    text_init(&out);
    while ((rc = mse_advance(&p->m, &raw, &out)) == 0) {
        send_all(p, out.data, out.len);
        text_clear(&out);
        receive(p, &raw, false);
    }
    if (rc < 0)
        give_up("mse", rc);
    send_all(p, out.data, out.len);
    text_free(&out);
    chunked_buffer_fini(&raw);
    rc = chunked_buffer_push_copy(&p->in, (uint8_t *)p->m.rest.data, p->m.rest.len);
    require(rc == 0, "memory");
}

static void say(struct peer *p, const uint8_t *data, size_t len) {
    uint8_t sent[HANDSHAKE_LEN];
    memcpy(sent, data, len);
    if (p->m.encrypted)
        mse_encrypt(&p->m.out, sent, data, len);
    send_all(p, sent, len);
}

static struct handshake read_handshake(struct peer *p) {
    struct handshake h;
    int rc;
    while ((rc = handshake_decode(&h, &p->in)) == 0)
        receive(p, &p->in, p->m.encrypted);
    if (rc < 0)
        give_up("handshake", rc);
    require(memcmp(h.info_hash, p->info_hash, 20) == 0, "another torrent");
    return h;
}

/* The id of the next message, -1 for a keep-alive. */
static int read_message(struct peer *p) {
    uint32_t len;
    while (!chunked_buffer_peek_u32(&p->in, 0, &len))
        receive(p, &p->in, p->m.encrypted);
    require(len < 100000, "a sane message");
    while (chunked_buffer_length(&p->in) < 4 + len)
        receive(p, &p->in, p->m.encrypted);
    int id = len ? chunked_buffer_peek(&p->in, 4) : -1;
    chunked_buffer_discard(&p->in, 4 + len);
    return id;
}

int main(int argc, char **argv) {
    struct peer p = {0};
    uint8_t ours[HANDSHAKE_LEN];
    char name[64];
    require(argc == 5 && strlen(argv[3]) == 40 &&
                hex_decode(p.info_hash, argv[3], 20) == 0,
            "mse_peer dial|listen PORT INFO_HASH rc4|both");
    bool dials = strcmp(argv[1], "dial") == 0;
    struct mse_options options = {MSE_REQUIRE, strcmp(argv[4], "both") == 0};
    struct handshake h = {.fast = false, .peer_id = "-mr0100-0123456789a"};
    memcpy(h.info_hash, p.info_hash, 20);
    handshake_encode(ours, &h);
    p.fd = connection(dials, (uint16_t)atoi(argv[2]));
    require(p.fd >= 0, "accept");
    chunked_buffer_init(&p.in);
    if (dials)
        mse_init_outgoing(&p.m, &options, p.info_hash, (struct span){ours, sizeof ours},
                          &hooks, &p);
    else
        mse_init_incoming(&p.m, &options, &hooks, &p);
    run_mse(&p);
    if (!dials)
        say(&p, ours, sizeof ours);
    h = read_handshake(&p);
    say(&p, (const uint8_t[]){0, 0, 0, 1, INTERESTED}, 5);
    while (read_message(&p) != UNCHOKE)
        ;
    client_name(name, h.peer_id);
    printf("obfuscated %d encrypted %d by %s\n", p.m.obfuscated, p.m.encrypted, name);
    mse_fini(&p.m);
    chunked_buffer_fini(&p.in);
    close(p.fd);
    return 0;
}
