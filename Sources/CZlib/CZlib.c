#include "CZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// Added to the window's bits, 16 asks zlib for the gzip format.
#define GZIP_WINDOW (15 + 16)

struct czlib_inflation {
  z_stream stream;
};

czlib_inflation *czlib_inflate_begin(const void *input, size_t count) {
  if (count > UINT_MAX) return NULL;
  czlib_inflation *inflation = calloc(1, sizeof(czlib_inflation));
  if (inflation == NULL) return NULL;
  inflation->stream.next_in = (Bytef *)input;
  inflation->stream.avail_in = (uInt)count;
  if (inflateInit2(&inflation->stream, GZIP_WINDOW) != Z_OK) {
    free(inflation);
    return NULL;
  }
  return inflation;
}

czlib_status czlib_inflate(czlib_inflation *inflation, void *output, size_t room, size_t *written) {
  z_stream *stream = &inflation->stream;
  uInt space = room > UINT_MAX ? UINT_MAX : (uInt)room;
  stream->next_out = output;
  stream->avail_out = space;
  int status = inflate(stream, Z_NO_FLUSH);
  *written = space - stream->avail_out;
  switch (status) {
    case Z_STREAM_END: return stream->avail_in == 0 ? CZLIB_OK : CZLIB_MALFORMED;
    case Z_OK: return stream->avail_out == 0 ? CZLIB_FULL : CZLIB_MALFORMED;
    // No progress: the output was full, or the member is cut off.
    case Z_BUF_ERROR: return stream->avail_out == 0 ? CZLIB_FULL : CZLIB_MALFORMED;
    case Z_MEM_ERROR: return CZLIB_NO_MEMORY;
    default: return CZLIB_MALFORMED;
  }
}

void czlib_inflate_end(czlib_inflation *inflation) {
  inflateEnd(&inflation->stream);
  free(inflation);
}

// zlib's own bound is for its own header; gzip's is 12 bytes longer.
size_t czlib_deflate_bound(size_t count) { return compressBound((uLong)count) + 18; }

czlib_status czlib_deflate(const void *input, size_t count, void *output, size_t room, size_t *written) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (count > UINT_MAX || room > UINT_MAX) return CZLIB_NO_MEMORY;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return CZLIB_NO_MEMORY;
  stream.next_in = (Bytef *)input;
  stream.avail_in = (uInt)count;
  stream.next_out = output;
  stream.avail_out = (uInt)room;
  int status = deflate(&stream, Z_FINISH);
  *written = room - stream.avail_out;
  deflateEnd(&stream);
  return status == Z_STREAM_END ? CZLIB_OK : CZLIB_FULL;
}
