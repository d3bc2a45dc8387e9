/* http_request: a request, what can be asked about it, and its answer: bytes, a part of a file, or a stream
 * that we feed. Until there is one its connection sleeps.
 *
 * Of a file that somebody cuts under it, sendfile sends nothing for ever, and MHD waits for a socket
 * that is ready: so its length is looked at now and then. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/http_private.h"
#include "io/sockaddr.h"

/* ---- the end of a request ------------------------------------------------------------ */

static void tell_end(struct http_request *r) {
    if (r->ended)
        return;
    r->ended = true;
    timer_stop(loop_timers(r->client->server->loop), &r->look);
    if (r->hooks)
        r->hooks->ended(r->owner);
}

/* MHD without a thread of its own does not show it on its epoll. */
void http_wake(struct http_request *r) {
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    http_pump_soon(r->client->server);
}

/* MHD frees it as soon as it looks at its socket. */
void http_abort(struct http_request *r) {
    if (r->gone)
        return;
    r->gone = true;
    shutdown(r->client->fd, SHUT_RDWR);
    tell_end(r);
    http_wake(r);
}

static void request_free(struct http_request *r) {
    if (r->response)
        MHD_destroy_response(r->response);
    free(r->path);
    free(r);
}

/* ---- a file that is being sent --------------------------------------------------------- */

static void look_again(struct http_request *r) {
    struct loop *l = r->client->server->loop;
    timer_set(loop_timers(l), &r->look, loop_now(l) + HTTP_LOOK);
}

static void on_look(struct timer *t, usec now) {
    struct http_request *r = CONTAINER_OF(t, struct http_request, look);
    struct stat st;
    (void)now;
    if (fstat(r->file, &st) == 0 && (uint64_t)st.st_size >= r->file_end) {
        look_again(r);
        return;
    }
    if (r->hooks && r->hooks->cut)
        r->hooks->cut(r->owner);
    http_abort(r);
}

/* ---- requests ------------------------------------------------------------------------ */

/* One that is refused before its body is read; MHD closes the connection after it. */
static enum MHD_Result refuse(struct MHD_Connection *mhd, unsigned status) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(mhd, status, response);
    MHD_destroy_response(response);
    return result;
}

static const char *header(struct MHD_Connection *mhd, const char *name) {
    return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *mhd) {
    const char *length = header(mhd, "Content-Length");
    return header(mhd, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static enum MHD_Result begin(struct MHD_Connection *mhd, const char *url, bool head,
                             void **context) {
    struct client *c =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_request *r = c ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return MHD_NO;
    r->path = strdup(url);
    if (!r->path) {
        free(r);
        return MHD_NO;
    }
    r->client = c;
    r->connection = mhd;
    r->head = head;
    r->file = -1;
    timer_init(&r->look, on_look);
    c->request = r;
    timer_stop(loop_timers(c->server->loop), &c->idle);
    *context = r;
    return MHD_YES;
}

static enum MHD_Result send_answer(struct http_request *r) {
    enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return result;
}

static void fall_asleep(struct http_request *r) {
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

/* MHD calls it with the headers, then when all of the request is there, and after each sleep. */
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *body,
                               size_t *body_len, void **context) {
    struct http_server *s = cls;
    struct http_request *r = *context;
    (void)version, (void)body, (void)body_len;
    if (!r) {
        bool head = strcmp(method, "HEAD") == 0;
        if (!head && strcmp(method, "GET") != 0)
            return refuse(mhd, MHD_HTTP_METHOD_NOT_ALLOWED);
        if (has_body(mhd))
            return refuse(mhd, MHD_HTTP_CONTENT_TOO_LARGE);
        return begin(mhd, url, head, context);
    }
    if (!r->asked) {
        r->asked = true;
        s->on_request(s->owner, r);
    }
    if (r->gone)
        return MHD_NO;
    if (r->response)
        return send_answer(r);
    fall_asleep(r);
    return MHD_YES;
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode why) {
    struct http_request *r = *context;
    (void)cls, (void)mhd, (void)why;
    if (!r)
        return;
    *context = NULL;
    r->gone = true;
    tell_end(r);
    r->client->request = NULL;
    http_start_idling(r->client);
    request_free(r);
}

void http_own(struct http_request *r, const struct http_hooks *hooks, void *owner) {
    assert(!r->hooks);
    r->hooks = hooks;
    r->owner = owner;
}

bool http_is_head(const struct http_request *r) {
    return r->head;
}

const char *http_path(const struct http_request *r) {
    return r->path;
}

const char *http_header(const struct http_request *r, const char *name) {
    return header(r->connection, name);
}

struct count {
    const char *name;
    int n;
};

static enum MHD_Result count_one(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value) {
    struct count *c = cls;
    (void)kind, (void)value;
    c->n += strcasecmp(name, c->name) == 0;
    return MHD_YES;
}

int http_header_count(const struct http_request *r, const char *name) {
    struct count c = {name, 0};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_one, &c);
    return c.n;
}

const char *http_argument(const struct http_request *r, const char *name) {
    const char *value = NULL;
    size_t len;
    enum MHD_Result found = MHD_lookup_connection_value_n(
        r->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &len);
    return !found ? NULL : value ? value : "";
}

struct addr http_client(const struct http_request *r) {
    struct addr a = {0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        sockaddr_to_addr(info->client_addr, &a);
    return a;
}

/* ---- answers ------------------------------------------------------------------------- */

static bool add_fields(struct MHD_Response *response, const struct http_answer *a) {
    for (size_t i = 0; i < a->field_count; i++)
        if (!MHD_add_response_header(response, a->fields[i].name, a->fields[i].value))
            return false;
    return true;
}

static void answer(struct http_request *r, const struct http_answer *a,
                   struct MHD_Response *response) {
    assert(!r->response);
    if (response && !add_fields(response, a)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    r->response = response;
    r->status = a->status;
    if (response)
        http_wake(r);
    else
        http_abort(r);
}

void http_answer_bytes(struct http_request *r, const struct http_answer *a,
                       const void *data, size_t len) {
    answer(r, a,
           MHD_create_response_from_buffer(len, (void *)(uintptr_t)data,
                                           MHD_RESPMEM_MUST_COPY));
}

void http_answer_file(struct http_request *r, const struct http_answer *a, int fd,
                      uint64_t offset, uint64_t length) {
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(length, fd, offset);
    if (response) {
        r->file = fd;
        r->file_end = offset + length;
        look_again(r);
    } else {
        close(fd);
    }
    answer(r, a, response);
}

static ssize_t on_read(void *cls, uint64_t position, char *to, size_t len) {
    struct http_request *r = cls;
    (void)position;
    int n =
        r->gone || !r->hooks ? ERR_CLOSED : r->hooks->read(r->owner, (uint8_t *)to, len);
    if (n > 0)
        return n;
    if (n != ERR_AGAIN || r->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    fall_asleep(r);
    return 0;
}

void http_answer_stream(struct http_request *r, const struct http_answer *a,
                        uint64_t length) {
    size_t block = r->head ? 1 : (size_t)MIN(MAX(length, 1), HTTP_BLOCK);
    answer(r, a, MHD_create_response_from_callback(length, block, on_read, r, NULL));
}
