#include "CHost.h"

#include <sys/vfs.h>

unsigned long chost_file_system(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 ? (unsigned long)status.f_type & 0xFFFFFFFFUL : 0;
}
