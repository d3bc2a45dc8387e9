/* device: see the header. Since Linux 5.7 no privilege is needed, as long as a socket is not tied
 * to a device yet. */
#include "io/device.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop_private.h"

_Static_assert(sizeof((struct loop){0}.device) == IFNAMSIZ, "a name fits");

#ifdef SO_BINDTODEVICE

int device_tie(const struct loop *l, int fd) {
    socklen_t len = (socklen_t)strlen(l->device);
    return len ? setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->device, len) : 0;
}

#else

int device_tie(const struct loop *l, int fd) {
    (void)fd;
    errno = ENOTSUP;
    return *l->device ? -1 : 0;
}

#endif

int device_socket(const struct loop *l, uint8_t family, int type) {
    int fd =
        socket(family == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || device_tie(l, fd) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

/* May we at all? Better known now than with the first peer. */
static int try_it(const struct loop *l, struct err *e) {
    int fd = device_socket(l, 4, SOCK_DGRAM);
    if (fd < 0)
        return err_errno(e, errno, "cannot use the network interface %s alone",
                         l->device);
    close(fd);
    return 0;
}

int device_use(struct loop *l, const char *name, struct err *e) {
    if (strlen(name) >= sizeof l->device || !if_nametoindex(name))
        return err_set(e, ERR_NOTFOUND,
                       "there is no address and no network interface '%.40s' here", name);
    strcpy(l->device, name);
    int rc = try_it(l, e);
    if (rc < 0)
        *l->device = '\0';
    return rc;
}

const char *device_name(const struct loop *l) {
    return l->device;
}

bool device_is_loopback(const struct loop *l) {
    struct ifreq r = {0};
    int fd = *l->device ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return false;
    memcpy(r.ifr_name, l->device, sizeof r.ifr_name);
    bool is = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_LOOPBACK);
    close(fd);
    return is;
}
