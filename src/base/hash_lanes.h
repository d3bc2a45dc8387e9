/* hash_lanes: many SHA-1 or SHA-256 messages at once, two or three of them in one loop.
 *
 * The SHA instructions of a CPU are fast but answer late: each round waits for the one
 * before it, and a single message leaves the unit idle for more than half of the time.
 * Messages are independent of each other, so rounds of a second and of a third fill the
 * gaps. One core then hashes pieces about twice as fast as the same core with one
 * message after the other.
 *
 *     time ->    A1      A2      A3      A4         one message
 *                A1 B1 C1 A2 B2 C2 A3 B3 C3         three
 *
 * Any number of lanes, of any lengths and alignments, may be given together: a lane that
 * ends hands its place to the next one that waits. Digests are those of any other SHA;
 * where the CPU has no such instructions OpenSSL works through the lanes one by one.
 * Nothing here allocates, fails or keeps state between calls. */
#ifndef MARE_HASH_LANES_H
#define MARE_HASH_LANES_H

#include "base/base.h"

#define HASH_LANES 3  /* at once; x86 has no registers for more */
#define HASH_BLOCK 64 /* bytes that SHA-1 and SHA-256 take at a time */

/* A message that comes in parts, so that most of a large piece is hashed before its last
 * block arrives. All zero is a message that has not begun; it owns nothing, and can be
 * dropped at any moment. To be used with one of the two hashes from the first part to
 * the last. */
struct hash_stream {
    uint32_t state[8];
    uint64_t len; /* bytes hashed so far */
};

/* A whole message is `{data, len, digest}`. A part of one has a stream as well; all
 * parts but the last have no digest, and a multiple of HASH_BLOCK as their length. */
struct lane {
    const uint8_t *data; /* may be NULL if len is 0 */
    size_t len;
    uint8_t
        *digest; /* SHA1_LEN or SHA256_LEN bytes, written when the message ends here */
    struct hash_stream *stream; /* where it goes on; zeroed when the message ends here */
};

/* No two of the lanes may share a stream. Nothing is said about the order of the work. */
void sha1_lanes(const struct lane *lanes, uint32_t n);
void sha256_lanes(const struct lane *lanes, uint32_t n);

#endif
