/* fake_udp_tracker: see the header. */
#include "fake_udp_tracker.h"

#include "base/bytes.h"
#include "support/check.h"

#define FIRST_ID 0x1122334455667788u

void fake_udp_says(struct fake_udp_tracker *f, const void *data, size_t len) {
    CHECK_INT(udp_send(f->udp, &f->from, data, len), 0);
}

static void answer(struct fake_udp_tracker *f, uint32_t action, const void *body,
                   size_t len) {
    uint8_t packet[256];
    put_u32(packet, action);
    memcpy(packet + 4, f->last + 12, 4);
    if (f->lies)
        packet[4] ^= 1;
    memcpy(packet + 8, body, len);
    fake_udp_says(f, packet, 8 + len);
}

static void read_path(struct fake_udp_tracker *f) {
    size_t used = 0;
    for (size_t i = 98; i + 2 <= f->last_len && f->last[i] == 2; i += 2u + f->last[i + 1])
        for (size_t k = 0; k < f->last[i + 1] && used + 1 < sizeof f->path; k++)
            f->path[used++] = (char)f->last[i + 2 + k];
    f->path[used] = '\0';
}

static void on_announce(struct fake_udp_tracker *f) {
    uint8_t body[12 + sizeof f->peers] = {0, 0, 0x03, 0x84, 0, 0, 0, 5, 0, 0, 0, 7};
    f->announces++;
    read_path(f);
    memcpy(body + 12, f->peers, f->peers_len);
    answer(f, UDP_ANNOUNCE, body, 12 + f->peers_len);
}

static void on_scrape(struct fake_udp_tracker *f) {
    static const uint8_t body[] = {0, 0, 0, 7, 0, 0, 0, 50, 0, 0, 0, 5};
    f->scrapes++;
    answer(f, UDP_SCRAPE, body, sizeof body);
}

static void on_connect(struct fake_udp_tracker *f) {
    uint8_t id[8];
    put_u64(id, f->id);
    f->connects++;
    answer(f, UDP_CONNECT, id, sizeof id);
}

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct fake_udp_tracker *f = owner;
    CHECK(len >= UDP_TRACKER_HEADER && len <= sizeof f->last);
    memcpy(f->last, data, len);
    f->last_len = len, f->from = *from;
    if (f->deaf) {
        f->deaf--;
        return;
    }
    uint32_t action = get_u32(data + 8);
    if (action == UDP_CONNECT)
        on_connect(f);
    else if (get_u64(data) != f->id || f->refuses)
        answer(f, UDP_ERROR, "no way", 6);
    else if (action == UDP_ANNOUNCE)
        on_announce(f);
    else
        on_scrape(f);
}

void fake_udp_open(struct fake_udp_tracker *f, struct loop *l, const char *ip) {
    memset(f, 0, sizeof *f);
    CHECK_INT(addr_parse(&f->at, ip, 1), 0);
    f->at.port = 0;
    f->id = FIRST_ID;
    f->udp = udp_open(l, &f->at, false, on_packet, f, NULL);
    CHECK(f->udp != NULL);
    f->at.port = udp_port(f->udp);
}

void fake_udp_close(struct fake_udp_tracker *f) {
    if (f->udp)
        udp_close(f->udp);
    f->udp = NULL;
}

char *fake_udp_url(const struct fake_udp_tracker *f, const char *path, char out[128]) {
    char at[ADDR_TEXT];
    snprintf(out, 128, "udp://%s%s", addr_format(&f->at, at), path);
    return out;
}
