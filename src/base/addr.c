/* addr: text, compact form and kind of an address. inet_pton and inet_ntop do the numbers:
 * they are strict (no octal, no short forms, no scope) and make no system call. */
#include "base/addr.h"

#include "base/bytes.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* ::ffff:a.b.c.d is an IPv4 peer seen through an IPv6 socket: one peer, one spelling. */
static void set_ip6(struct addr *a, const uint8_t ip[16], uint16_t port) {
    *a = (struct addr){.port = port, .family = 6};
    if (memcmp(ip, mapped_prefix, sizeof mapped_prefix)) {
        memcpy(a->ip, ip, 16);
        return;
    }
    a->family = 4;
    memcpy(a->ip, ip + 12, 4);
}

static void set_ip4(struct addr *a, const uint8_t ip[4], uint16_t port) {
    *a = (struct addr){.port = port, .family = 4};
    memcpy(a->ip, ip, 4);
}

/* The digits of a port, to the end of the text; -1 if it is none. */
static int parse_port(const char *text) {
    size_t len = strspn(text, "0123456789");
    if (len < 1 || len > 5 || text[len] || text[0] == '0')
        return -1;
    int port = atoi(text);
    return port <= UINT16_MAX ? port : -1;
}

static int parse_ip(struct addr *a, const char *text, size_t len, int family, int port) {
    char ip[INET6_ADDRSTRLEN];
    uint8_t raw[16];
    if (len >= sizeof ip || port < 0)
        return ERR_FORMAT;
    memcpy(ip, text, len);
    ip[len] = '\0';
    if (inet_pton(family, ip, raw) != 1)
        return ERR_FORMAT;
    if (family == AF_INET)
        set_ip4(a, raw, (uint16_t)port);
    else
        set_ip6(a, raw, (uint16_t)port);
    return 0;
}

/* "[ip6]" or "[ip6]:port", from the bracket on. */
static int parse_bracketed(struct addr *a, const char *text, int default_port) {
    const char *end = strchr(text, ']');
    if (!end)
        return ERR_FORMAT;
    int port = end[1] == ':' ? parse_port(end + 2) : end[1] ? -1 : default_port;
    return parse_ip(a, text + 1, (size_t)(end - text - 1), AF_INET6, port);
}

int addr_parse(struct addr *a, const char *text, int default_port) {
    const char *colon = strchr(text, ':');
    assert(default_port <= UINT16_MAX);
    if (text[0] == '[')
        return parse_bracketed(a, text, default_port);
    if (!colon)
        return parse_ip(a, text, strlen(text), AF_INET, default_port);
    if (strchr(colon + 1, ':')) /* two colons: IPv6 without brackets has no port */
        return parse_ip(a, text, strlen(text), AF_INET6, default_port);
    return parse_ip(a, text, (size_t)(colon - text), AF_INET, parse_port(colon + 1));
}

char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT]) {
    int family = a->family == 4 ? AF_INET : AF_INET6;
    if (!a->family || !inet_ntop(family, a->ip, out, ADDR_TEXT))
        snprintf(out, ADDR_TEXT, "none");
    return out;
}

char *addr_format(const struct addr *a, char out[ADDR_TEXT]) {
    char ip[ADDR_TEXT];
    addr_format_ip(a, ip);
    /* %.45s: INET6_ADDRSTRLEN without its NUL, so that the compiler sees that it fits */
    snprintf(out, ADDR_TEXT, a->family == 6 ? "[%.45s]:%u" : "%.45s:%u", ip, a->port);
    return out;
}

bool addr_same_ip(const struct addr *a, const struct addr *b) {
    return a->family == b->family && !memcmp(a->ip, b->ip, sizeof a->ip);
}

bool addr_equal(const struct addr *a, const struct addr *b) {
    return addr_same_ip(a, b) && a->port == b->port;
}

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

/* With a secret seed nobody can choose addresses that collide. */
uint64_t addr_hash(const struct addr *a, uint64_t seed) {
    uint64_t h = mix(seed ^ get_u64(a->ip));
    h = mix(h ^ get_u64(a->ip + 8));
    return mix(h ^ ((uint64_t)a->family << 16 | a->port));
}

struct block {
    uint8_t ip[2], bits; /* every block that we know is told by its first 16 bits */
    enum addr_kind kind;
};

/* The kind of the first block in the table that the address lies in. */
static enum addr_kind find_block(const uint8_t *ip, const struct block *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned differ = (unsigned)(get_u16(ip) ^ get_u16(table[i].ip));
        if (differ >> (16 - table[i].bits) == 0)
            return table[i].kind;
    }
    return ADDR_GLOBAL;
}

static enum addr_kind kind_of_ip4(const uint8_t *ip) {
    static const struct block blocks[] = {
        {{0, 0}, 8, ADDR_ANY},          {{127, 0}, 8, ADDR_LOOPBACK},
        {{10, 0}, 8, ADDR_PRIVATE},     {{172, 16}, 12, ADDR_PRIVATE},
        {{192, 168}, 16, ADDR_PRIVATE}, {{100, 64}, 10, ADDR_PRIVATE},
        {{169, 254}, 16, ADDR_LINK},    {{224, 0}, 3, ADDR_MULTICAST},
    };
    return find_block(ip, blocks, COUNT_OF(blocks));
}

static enum addr_kind kind_of_ip6(const uint8_t *ip) {
    static const uint8_t any[16] = {0}, loopback[16] = {[15] = 1};
    static const struct block blocks[] = {
        {{0xFC, 0}, 7, ADDR_PRIVATE},
        {{0xFE, 0x80}, 10, ADDR_LINK},
        {{0xFF, 0}, 8, ADDR_MULTICAST},
    };
    if (!memcmp(ip, any, 16))
        return ADDR_ANY;
    if (!memcmp(ip, loopback, 16))
        return ADDR_LOOPBACK;
    return find_block(ip, blocks, COUNT_OF(blocks));
}

enum addr_kind addr_kind(const struct addr *a) {
    switch (a->family) {
    case 4: return kind_of_ip4(a->ip);
    case 6: return kind_of_ip6(a->ip);
    default: return ADDR_ANY;
    }
}

bool addr_usable(const struct addr *a) {
    enum addr_kind kind = addr_kind(a);
    return a->port && kind != ADDR_ANY && kind != ADDR_MULTICAST;
}

bool addr_from_compact(struct addr *a, const uint8_t *p, size_t len) {
    if (len == 4 || len == 6)
        set_ip4(a, p, len == 6 ? get_u16(p + 4) : 0);
    else if (len == 16 || len == 18)
        set_ip6(a, p, len == 18 ? get_u16(p + 16) : 0);
    else
        return false;
    return true;
}

size_t addr_to_compact(const struct addr *a, uint8_t out[18]) {
    size_t len = a->family == 6 ? 16 : 4;
    assert(a->family == 4 || a->family == 6);
    memcpy(out, a->ip, len);
    put_u16(out + len, a->port);
    return len + 2;
}
