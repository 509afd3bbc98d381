#ifndef CHOST_H
#define CHOST_H

/// The type of the file system that `fd` lies on (fstatfs), or 0 when it cannot be told.
unsigned long chost_file_system(int fd);

/// Which file `path` is, through symbolic links, from what the kernel has in memory: no disk or file server is asked.
/// Returns 0, or the value of errno.
int chost_file_identity(const char *path, unsigned long *device, unsigned long *inode);

#endif
