#ifndef CPEER_H
#define CPEER_H

#include <sys/types.h>

/// Credentials of the process that connected the Unix socket `fd` (SO_PEERCRED).
/// Returns 0, or the value of errno.
int cpeer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);

/// A new pidfd of the process that connected `fd` (SO_PEERPIDFD, Linux 6.5), or -errno.
int cpeer_pidfd(int fd);

/// A new pidfd of `pid` (pidfd_open, Linux 5.3), or -errno.
int cpeer_pidfd_open(pid_t pid);

#endif
