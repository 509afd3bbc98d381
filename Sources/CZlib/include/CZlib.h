#ifndef CZLIB_H
#define CZLIB_H

#include <stddef.h>

// The gzip format (RFC 1952) over the system's zlib. zlib's own types stay behind this header: another module of the
// package graph declares them too, and Swift then cannot tell whose they are.

typedef enum {
  CZLIB_OK = 0,
  /// The output is full and there is more.
  CZLIB_FULL = 1,
  /// The bytes are not one whole gzip member.
  CZLIB_MALFORMED = 2,
  CZLIB_NO_MEMORY = 3,
} czlib_status;

/// A gzip member that is being decompressed.
typedef struct czlib_inflation czlib_inflation;

/// NULL if there is no memory. `input` must live until the inflation is freed.
czlib_inflation *czlib_inflate_begin(const void *input, size_t count);
/// Writes up to `room` bytes to `output`. CZLIB_OK at the end of the member and of the input.
czlib_status czlib_inflate(czlib_inflation *inflation, void *output, size_t room, size_t *written);
void czlib_inflate_end(czlib_inflation *inflation);

/// The room that one member of `count` bytes may take.
size_t czlib_deflate_bound(size_t count);
/// Compresses everything into one member.
czlib_status czlib_deflate(const void *input, size_t count, void *output, size_t room, size_t *written);

#endif
