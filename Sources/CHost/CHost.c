#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int64_t nanoseconds(struct timespec time) {
  return (int64_t)((uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec);
}

static int keep(const struct stat *file, struct chost_status *status) {
  *status = (struct chost_status){
      .mode = file->st_mode,
      .user = file->st_uid,
      .group = file->st_gid,
      .device = file->st_dev,
      .inode = file->st_ino,
      .size = file->st_size,
      .modified = nanoseconds(file->st_mtim),
      .changed = nanoseconds(file->st_ctim),
  };
  return 0;
}

int chost_file_status(int folder, const char *path, int follows_links, struct chost_status *status) {
  struct stat file;
  if (fstatat(folder, path, &file, follows_links ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return errno;
  return keep(&file, status);
}

int chost_open_file_status(int fd, struct chost_status *status) {
  struct stat file;
  if (fstat(fd, &file) != 0) return errno;
  return keep(&file, status);
}

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
