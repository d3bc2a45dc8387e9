/* channel: lines between two ends in one program. */
#include "io/channel.h"

#include <stdio.h>
#include <unistd.h>

#include "support/check.h"

static struct channel listener, near, far;

static const char *name_of(char *text, size_t cap) {
    snprintf(text, cap, "@mare-channel-test-%d", (int)getpid());
    return text;
}

static void meet(void) {
    char name[64];
    CHECK_INT(channel_listen(&listener, name_of(name, sizeof name), NULL), 0);
    CHECK_INT(channel_connect(&near, name, NULL), 0);
    CHECK_INT(channel_accept(&listener, &far), 0);
}

static void part(void) {
    channel_close(&near);
    channel_close(&far);
    channel_close(&listener);
}

static void check_line(struct channel *c, const char *text) {
    const char *line;
    size_t len;
    CHECK_INT(channel_read(c, &line, &len), 0);
    CHECK_INT(len, strlen(text));
    CHECK(memcmp(line, text, len) == 0);
}

static int read_status(struct channel *c) {
    const char *line;
    size_t len;
    return channel_read(c, &line, &len);
}

TEST(channel_hands_out_whole_lines_however_they_come) {
    meet();
    CHECK_INT(read_status(&far), ERR_AGAIN);
    CHECK_INT(channel_write(&near, "one\ntw", 6), 0);
    check_line(&far, "one");
    CHECK_INT(read_status(&far), ERR_AGAIN);
    CHECK_INT(channel_write(&near, "o\n\n", 3), 0);
    check_line(&far, "two");
    check_line(&far, "");
    CHECK_INT(read_status(&far), ERR_AGAIN);
    part();
}

TEST(channel_tells_the_end_after_the_last_line) {
    meet();
    CHECK_INT(channel_write(&near, "last\nhalf", 9), 0);
    channel_close(&near);
    check_line(&far, "last");
    CHECK_INT(read_status(&far), ERR_EOF);
    CHECK_INT(read_status(&far), ERR_EOF);
    CHECK_INT(channel_write(&near, "x", 1), ERR_CLOSED);
    part();
}

TEST(channel_keeps_what_cannot_leave_and_sends_it_later) {
    static char line[100000];
    meet();
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 10; i++)
        CHECK_INT(channel_write(&near, line, sizeof line), 0);
    CHECK(channel_has_unsent(&near));
    int lines = 0;
    for (int turns = 0; turns < 10000 && lines < 10; turns++) {
        lines += read_status(&far) == 0;
        CHECK_INT(read_status(&near), ERR_AGAIN); /* flushes, too */
    }
    CHECK_INT(lines, 10);
    part();
}

TEST(channel_refuses_lines_and_queues_without_end) {
    static char much[CHANNEL_QUEUE_MOST];
    meet();
    memset(much, 'x', sizeof much);
    CHECK_INT(channel_write(&near, much, sizeof much), 0);
    CHECK_INT(channel_write(&near, much, sizeof much), ERR_LIMIT);
    int status = ERR_AGAIN;
    for (int turns = 0; turns < 10000 && status == ERR_AGAIN; turns++) {
        status = read_status(&far);
        read_status(&near);
    }
    CHECK_INT(status, ERR_EOF);
    part();
}

TEST(channel_name_belongs_to_one) {
    char name[64];
    struct channel second;
    meet();
    CHECK_INT(channel_listen(&second, name_of(name, sizeof name), NULL), ERR_EXISTS);
    CHECK_INT(channel_accept(&listener, &second), ERR_AGAIN);
    part();
    CHECK_INT(channel_connect(&second, name, NULL), ERR_REFUSED);
    CHECK_INT(channel_listen(&second, name, NULL), 0);
    channel_close(&second);
}

TEST(channel_names_that_do_not_fit_are_refused) {
    char name[300];
    struct channel c;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK_INT(channel_connect(&c, name, NULL), ERR_INVALID);
    CHECK_INT(channel_listen(&c, "", NULL), ERR_INVALID);
    CHECK_INT(channel_connect(&c, "/nowhere/at/all", NULL), ERR_NOTFOUND);
}

TEST(channel_wait_sees_lines_and_ends) {
    meet();
    struct channel *both[] = {&near, &far};
    CHECK_INT(channel_wait(NULL, 0, both, 2, 0), 0);
    CHECK_INT(channel_write(&near, "x\n", 2), 0);
    CHECK_INT(channel_wait(NULL, 0, both, 2, 10000), 1);
    check_line(&far, "x");
    CHECK_INT(channel_wait(&listener.fd, 1, both, 2, 0), 0);
    part();
}

TEST(channel_survives_a_lack_of_memory) {
    CHECK_EACH_NOMEM(n) {
        meet();
        int sent = channel_write(&near, "x\n", 2);
        int status = read_status(&far);
        if (check_nomem_hit())
            CHECK(sent == ERR_NOMEM || status == ERR_NOMEM);
        else
            CHECK(sent == 0 && status == 0);
        part();
    }
}
