/* socks5: see the header. */
#include "proto/socks5.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

#define VERSION 5
#define LOGIN_VERSION 1
enum { METHOD_NONE = 0, METHOD_LOGIN = 2, METHOD_REFUSED = 0xff };
enum { ADDRESS_IP4 = 1, ADDRESS_NAME = 3, ADDRESS_IP6 = 4 };
#define REPLY_HEAD \
    5u /* version, reply, reserved, type, and the first byte of the address */

static int fail(struct socks5 *s, int code, const char *trouble) {
    s->trouble = trouble;
    return code;
}

static void expect(struct socks5 *s, enum socks5_state state, size_t need) {
    s->state = state;
    s->have = 0;
    s->need = need;
}

/* ---- what we say ---------------------------------------------------------------------- */

/* A proxy that we have a login for may let us in without. */
void socks5_init(struct socks5 *s, const struct proxy_url *via, const struct addr *to,
                 struct text *out) {
    static const uint8_t plain[] = {VERSION, 1, METHOD_NONE},
                         login[] = {VERSION, 2, METHOD_NONE, METHOD_LOGIN};
    *s = (struct socks5){.via = via, .to = *to};
    if (via->user[0])
        text_add(out, login, sizeof login);
    else
        text_add(out, plain, sizeof plain);
    expect(s, SOCKS5_METHOD, 2);
}

static void add_counted(struct text *out, const char *string) {
    uint8_t len = (uint8_t)strlen(string); /* proxy_url has 255 at most */
    text_add(out, &len, 1);
    text_add(out, string, len);
}

static int say_login(struct socks5 *s, struct text *out) {
    text_addc(out, LOGIN_VERSION);
    add_counted(out, s->via->user);
    add_counted(out, s->via->password);
    expect(s, SOCKS5_LOGIN, 2);
    return 0;
}

static int say_connect(struct socks5 *s, struct text *out) {
    uint8_t type = s->to.family == 6 ? ADDRESS_IP6 : ADDRESS_IP4, compact[18];
    const uint8_t head[] = {VERSION, 1, 0, type};
    text_add(out, head, sizeof head);
    text_add(out, compact, addr_to_compact(&s->to, compact));
    expect(s, SOCKS5_REPLY, REPLY_HEAD);
    return 0;
}

/* ---- what comes back ------------------------------------------------------------------ */

static int on_method(struct socks5 *s, struct text *out) {
    if (s->got[0] != VERSION)
        return fail(s, ERR_PROTOCOL, "does not speak SOCKS5");
    if (s->got[1] == METHOD_NONE)
        return say_connect(s, out);
    if (s->got[1] == METHOD_LOGIN && s->via->user[0])
        return say_login(s, out);
    if (s->got[1] == METHOD_REFUSED)
        return fail(s, ERR_ACCESS,
                    s->via->user[0] ? "takes no user and password from us"
                                    : "wants a user and a password");
    return fail(s, ERR_PROTOCOL, "chose a login that was not offered");
}

static int on_login(struct socks5 *s, struct text *out) {
    return s->got[1] == 0 ? say_connect(s, out)
                          : fail(s, ERR_ACCESS, "refused the user or the password");
}

/* How a connection failed that the proxy tried to make, by its number. */
static int reply_error(uint8_t reply) {
    static const int errors[] = {
        [1] = ERR_NETWORK,     [2] = ERR_ACCESS,     [3] = ERR_NETWORK,
        [4] = ERR_NETWORK,     [5] = ERR_REFUSED,    [6] = ERR_TIMEOUT,
        [7] = ERR_UNSUPPORTED, [8] = ERR_UNSUPPORTED};
    return reply < COUNT_OF(errors) ? errors[reply] : ERR_NETWORK;
}

/* The address in it (where the proxy connects from) is of no use to us; its length is. */
static int on_reply(struct socks5 *s) {
    uint8_t type = s->got[3];
    if (s->got[0] != VERSION)
        return fail(s, ERR_PROTOCOL, "does not speak SOCKS5");
    if (s->got[1] != 0)
        return reply_error(s->got[1]);
    s->state = SOCKS5_ADDRESS;
    if (type == ADDRESS_IP4)
        s->need = 4 + 4 + 2;
    else if (type == ADDRESS_IP6)
        s->need = 4 + 16 + 2;
    else if (type == ADDRESS_NAME)
        s->need = REPLY_HEAD + s->got[4] + 2u;
    else
        return fail(s, ERR_PROTOCOL, "answered with an address of no known kind");
    return 0;
}

size_t socks5_wants(const struct socks5 *s) {
    return s->need - s->have;
}

int socks5_take(struct socks5 *s, const uint8_t *data, size_t len, struct text *out) {
    assert(len <= socks5_wants(s));
    memcpy(s->got + s->have, data, len);
    s->have += len;
    if (s->have < s->need)
        return 0;
    switch (s->state) {
    case SOCKS5_METHOD: return on_method(s, out);
    case SOCKS5_LOGIN: return on_login(s, out);
    case SOCKS5_REPLY: return on_reply(s);
    case SOCKS5_ADDRESS: return 1;
    }
    return 0;
}
