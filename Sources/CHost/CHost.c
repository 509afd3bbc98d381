#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

unsigned long chost_file_system(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 ? (unsigned long)status.f_type & 0xFFFFFFFFUL : 0;
}

int chost_file_identity(const char *path, unsigned long *device, unsigned long *inode) {
  struct statx status;
  if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &status) != 0) return errno;
  *device = (unsigned long)status.stx_dev_major << 32 | status.stx_dev_minor;
  *inode = (unsigned long)status.stx_ino;
  return 0;
}
