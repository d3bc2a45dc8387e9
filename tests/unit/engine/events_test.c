/* events: order, ownership, and what happens when nobody drains the queue. */
#include "engine/events.h"

#include "support/check.h"

static void push_index(struct events *q, uint32_t index) {
    struct event ev = {.type = EVENT_PIECE, .index = index};
    events_push(q, &ev);
}

static uint32_t pop_index(struct events *q) {
    struct event ev = {.index = UINT32_MAX};
    CHECK(events_pop(q, &ev));
    CHECK_INT(ev.type, EVENT_PIECE);
    return ev.index;
}

static void check_overflow(struct events *q, uint32_t dropped) {
    struct event ev;
    CHECK(events_pop(q, &ev));
    CHECK_INT(ev.type, EVENT_OVERFLOW);
    CHECK_INT(ev.index, dropped);
    CHECK(!ev.text && !ev.data);
}

TEST(events_pop_of_an_empty_queue_gives_nothing) {
    struct events q;
    struct event ev;
    events_init(&q);
    CHECK(!events_pop(&q, &ev));
    events_fini(&q);
}

TEST(events_come_out_in_the_order_they_went_in) {
    struct events q;
    events_init(&q);
    for (uint32_t i = 0; i < 1000; i++)
        push_index(&q, i);
    for (uint32_t i = 0; i < 1000; i++)
        CHECK_INT(pop_index(&q), i);
    events_fini(&q);
}

TEST(events_keep_their_order_when_the_ring_wraps_and_grows) {
    struct events q;
    uint32_t in = 0, out = 0;
    events_init(&q);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 7; i++)
            push_index(&q, in++);
        for (int i = 0; i < 3; i++)
            CHECK_INT(pop_index(&q), out++);
    }
    while (out < in)
        CHECK_INT(pop_index(&q), out++);
    events_fini(&q);
}

TEST(events_push_takes_text_and_data_over) {
    struct events q;
    struct event ev = {.type = EVENT_READ, .token = 5, .len = 3}, got;
    events_init(&q);
    ev.text = strdup("words");
    ev.data = (uint8_t *)strdup("abc");
    events_push(&q, &ev);
    CHECK(!ev.text && !ev.data);
    CHECK(events_pop(&q, &got));
    CHECK_STR(got.text, "words");
    CHECK_MEM(got.data, "abc", 3);
    CHECK_INT(got.token, 5);
    event_fini(&got);
    event_fini(&got);
    events_fini(&q);
}

TEST(events_fini_frees_what_was_not_taken) {
    struct events q;
    struct event ev = {.type = EVENT_ERROR};
    events_init(&q);
    ev.text = strdup("nobody reads this");
    events_push(&q, &ev);
    events_fini(&q);
    CHECK(!events_pop(&q, &ev));
}

TEST(events_beyond_the_limit_are_counted_in_one_overflow_at_the_end) {
    struct events q;
    struct event ev = {.type = EVENT_ERROR};
    events_init(&q);
    q.limit = 2;
    for (uint32_t i = 0; i < 5; i++)
        push_index(&q, i);
    ev.text = strdup("dropped, and freed");
    events_push(&q, &ev);
    CHECK(!ev.text);
    CHECK_INT(pop_index(&q), 0);
    CHECK_INT(pop_index(&q), 1);
    check_overflow(&q, 4);
    CHECK(!events_pop(&q, &ev));
    events_fini(&q);
}

TEST(events_overflow_stands_before_what_came_after_the_gap) {
    struct events q;
    events_init(&q);
    q.limit = 4;
    for (uint32_t i = 0; i < 6; i++)
        push_index(&q, i);
    CHECK_INT(pop_index(&q), 0);
    push_index(&q, 6); /* room for one, but not for the overflow and it */
    CHECK_INT(pop_index(&q), 1);
    push_index(&q, 7);
    CHECK_INT(pop_index(&q), 2);
    CHECK_INT(pop_index(&q), 3);
    check_overflow(&q, 3);
    CHECK_INT(pop_index(&q), 7);
    events_fini(&q);
}

TEST(events_limit_holds_by_default) {
    struct events q;
    events_init(&q);
    for (uint32_t i = 0; i < EVENTS_MAX + 10; i++)
        push_index(&q, i);
    for (uint32_t i = 0; i < EVENTS_MAX; i++)
        CHECK_INT(pop_index(&q), i);
    check_overflow(&q, 10);
    events_fini(&q);
}

TEST(event_names_are_the_words_that_scripts_use) {
    CHECK_STR(event_name(EVENT_STATE), "state");
    CHECK_STR(event_name(EVENT_PEER_CLOSED), "peer_closed");
    CHECK_STR(event_name(EVENT_HASH_FAILED), "hash_failed");
    CHECK_STR(event_name(EVENT_OVERFLOW), "overflow");
    for (int i = 0; i < EVENT_COUNT; i++)
        CHECK(event_name((enum event_type)i)[0]);
}

TEST(events_without_memory_are_counted_as_dropped) {
    CHECK_EACH_NOMEM(n) {
        struct events q;
        struct event ev;
        uint32_t seen = 0;
        bool overflow = false;
        events_init(&q);
        for (uint32_t i = 0; i < 200; i++)
            push_index(&q, i);
        while (events_pop(&q, &ev)) {
            overflow |= ev.type == EVENT_OVERFLOW;
            seen += ev.type == EVENT_OVERFLOW ? ev.index : 1;
        }
        events_fini(&q);
        CHECK(overflow == check_nomem_hit());
        CHECK_INT(seen, 200);
    }
}
