/* nomem: memory that runs out at a chosen moment (see check_nomem_at). The unit tests' own malloc
 * and its relatives ask whether to fail, else they hand over to the real ones: the sanitizer's
 * if there is one. They are hidden as all our symbols are: only mare's code and the tests see
 * them, the libraries go on with theirs.
 *
 * clang links its sanitizers into the program, where there can be only one malloc: theirs. In
 * such a build nothing ever fails, and CHECK_EACH_NOMEM goes through its body once. */
#include "support/check.h"

#include <errno.h>

#ifdef __clang__
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define MALLOC_IS_TAKEN
#endif
#endif

#ifndef MALLOC_IS_TAKEN

#define WEAK __attribute__((weak))

/* Reserved names, but the sanitizers' and glibc's ones: this is how they want to be called. */
void *__interceptor_malloc(size_t size) WEAK;
void *__interceptor_calloc(size_t n, size_t size) WEAK;
void *__interceptor_realloc(void *p, size_t size) WEAK;
int __interceptor_posix_memalign(void **out, size_t alignment, size_t size) WEAK;
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool fails(void) {
    if (!check_nomem_now())
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    if (fails())
        return NULL;
    return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    if (fails())
        return NULL;
    return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    if (fails())
        return NULL;
    return __interceptor_realloc ? __interceptor_realloc(p, size)
                                 : __libc_realloc(p, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    if (fails())
        return ENOMEM;
    if (__interceptor_posix_memalign)
        return __interceptor_posix_memalign(out, alignment, size);
    void *p = __libc_memalign(alignment, size);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

#endif
