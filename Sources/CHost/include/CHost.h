#ifndef CHOST_H
#define CHOST_H

#include <stdint.h>

/// What the kernel says of a file; times are nanoseconds since 1970.
struct chost_status {
  uint32_t mode, user, group;
  uint64_t device, inode;
  int64_t size, modified, changed;
};

/// The status of `path`, which is relative to the open folder `folder` or AT_FDCWD; that of what a symbolic link leads to
/// where `follows_links` is not 0. Returns 0, or the value of errno.
int chost_file_status(int folder, const char *path, int follows_links, struct chost_status *status);

/// The status of an open file. Returns 0, or the value of errno.
int chost_open_file_status(int fd, struct chost_status *status);

/// The type of the file system that `fd` lies on (fstatfs), or 0 when it cannot be told.
unsigned long chost_file_system(int fd);

/// Which file `path` is, through symbolic links, from what the kernel has in memory: no disk or file server is asked.
/// Returns 0, or the value of errno.
int chost_file_identity(const char *path, unsigned long *device, unsigned long *inode);

#endif
