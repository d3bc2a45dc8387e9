/* turnover: whether anybody has to go, who never does, and who goes first. */
#include "swarm/turnover.h"

#include "support/check.h"

#define NOW (1000 * USEC_PER_SEC)
#define AGO(seconds) (NOW - (seconds)*USEC_PER_SEC)

static const struct turnover_row ordinary = {.interesting = true,
                                             .interested = true,
                                             .connected_at = AGO(500),
                                             .last_useful_at = AGO(100)};

static uint32_t dropped_of(struct turnover_row *rows, uint32_t n) {
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < n; i++)
        dropped += rows[i].drop;
    return dropped;
}

TEST(turnover_drops_four_percent_when_nearly_full) {
    static const struct {
        uint32_t connections, limit, candidates, want;
    } cases[] = {
        {200, 200, 50, 8},  {180, 200, 50, 7}, /* 7.2 */
        {179, 200, 50, 0},  {0, 200, 50, 0},   {200, 200, 0, 0},
        {200, 200, 3, 3},   {10, 10, 50, 1}, /* at least one */
        {250, 200, 50, 10},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct turnover_row rows[250];
        for (uint32_t k = 0; k < cases[i].connections; k++)
            rows[k] = ordinary;
        CHECK_INT(turnover_round(rows, cases[i].connections, cases[i].connections,
                                 cases[i].limit, cases[i].candidates, TURNOVER_EVERY,
                                 NOW),
                  cases[i].want);
        CHECK_INT(dropped_of(rows, cases[i].connections), cases[i].want);
    }
}

TEST(turnover_counts_connections_that_are_no_rows) {
    struct turnover_row rows[3] = {ordinary, ordinary, ordinary};
    CHECK_INT(turnover_round(rows, 3, 200, 200, 50, TURNOVER_EVERY, NOW), 3);
}

TEST(turnover_never_drops) {
    struct turnover_row cases[] = {
        {.useless = true,
         .connected_at = AGO(TURNOVER_EVERY / USEC_PER_SEC / TURNOVER_YOUNG - 1)},
        {.useless = true, .connected_at = AGO(500), .keep = true},
        {.useless = true,
         .connected_at = AGO(500),
         .keep = true,
         .scored = true,
         .score = 1e9},
        {.interesting = true,
         .connected_at = AGO(500),
         .received_rate = TURNOVER_TRICKLE},
        {.interested = true, .connected_at = AGO(500), .sent_rate = TURNOVER_TRICKLE},
        {.connected_at = AGO(500), .sent_rate = 1 << 20, .scored = true, .score = 1e9},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cases[i].drop = true; /* an old answer does not count */
        CHECK_INT(turnover_round(&cases[i], 1, 200, 200, 50, TURNOVER_EVERY, NOW), 0);
        CHECK(!cases[i].drop);
    }
}

TEST(turnover_goes_first) {
    static const struct {
        struct turnover_row first, other;
    } cases[] = {
        /* useless before idle before wanted */
        {{.useless = true, .last_useful_at = AGO(1)}, {.last_useful_at = AGO(90)}},
        {{.last_useful_at = AGO(1)}, {.interesting = true, .last_useful_at = AGO(90)}},
        {{.last_useful_at = AGO(1)}, {.interested = true, .last_useful_at = AGO(90)}},
        {{.useless = true, .received_rate = 900}, {.interested = true}},
        /* the slower, both ways together */
        {{.interested = true, .received_rate = 10},
         {.interested = true, .sent_rate = 11}},
        {{.interested = true, .received_rate = 900, .sent_rate = 90},
         {.interested = true, .received_rate = 500, .sent_rate = 500}},
        /* the longer silent; who never was of use is silent since it came */
        {{.last_useful_at = AGO(91)}, {.last_useful_at = AGO(90)}},
        {{.connected_at = AGO(80)},
         {.connected_at = AGO(500), .last_useful_at = AGO(70)}},
        /* a script's word before all */
        {{.interested = true, .received_rate = 900, .scored = true, .score = 2},
         {.useless = true, .scored = true, .score = 1}},
        {{.interested = true, .scored = true, .score = 0.5}, {.useless = true}},
        {{.interested = true}, {.useless = true, .scored = true, .score = -1}},
        {{.useless = true, .scored = true, .score = 0.0 / 0.0}, {.interested = true}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            struct turnover_row rows[2];
            rows[swapped] = cases[i].first, rows[!swapped] = cases[i].other;
            for (int k = 0; k < 2; k++)
                if (!rows[k].connected_at)
                    rows[k].connected_at = AGO(500);
            CHECK_INT(turnover_round(rows, 2, 10, 10, 50, TURNOVER_EVERY, NOW), 1);
            if (!rows[swapped].drop)
                check_fail(__FILE__, __LINE__, "case %zu, swapped %d", i, swapped);
        }
}
