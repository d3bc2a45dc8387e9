#include "base/list.h"

#include "support/check.h"

struct item {
    int number;
    struct link link;
};

static int number_of(struct link *l) {
    return LIST_ITEM(l, struct item, link)->number;
}

TEST(list_keeps_the_order_of_appending) {
    struct link head;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].link);
    for (int i = 0; i < 3; i++)
        CHECK_INT(number_of(list_shift(&head)), i);
    CHECK(list_empty(&head));
    CHECK(!list_shift(&head));
}

TEST(list_remove_twice_is_harmless) {
    struct link head;
    struct item a = {.number = 1}, b = {.number = 2};
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_remove(&a.link);
    list_remove(&a.link);
    CHECK_INT(number_of(head.next), 2);
    CHECK(head.next == head.prev);
}

TEST(list_each_may_remove_the_item_it_stands_on) {
    struct link head;
    struct item items[5];
    int sum = 0;
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    LIST_EACH(l, &head) {
        sum += number_of(l);
        if (number_of(l) % 2 == 0)
            list_remove(l);
    }
    CHECK_INT(sum, 10);
    CHECK_INT(number_of(list_shift(&head)), 1);
    CHECK_INT(number_of(list_shift(&head)), 3);
    CHECK(list_empty(&head));
}

TEST(list_insert_puts_before) {
    struct link head;
    struct item a = {.number = 1}, b = {.number = 2};
    list_init(&head);
    list_append(&head, &b.link);
    list_insert(&b.link, &a.link);
    CHECK_INT(number_of(head.next), 1);
    CHECK_INT(number_of(head.prev), 2);
}
