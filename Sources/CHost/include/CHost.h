#ifndef CHOST_H
#define CHOST_H

/// The type of the file system that `fd` lies on (fstatfs), or 0 when it cannot be told.
unsigned long chost_file_system(int fd);

#endif
