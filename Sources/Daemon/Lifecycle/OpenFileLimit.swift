import Glibc

/// The number of files, sockets included, that this process may have open.
package enum OpenFileLimit {
  /// Raises the soft limit to the hard one, as Go's runtime does: the usual soft limit of 1024 is there for programs that
  /// use select(2), and it is too low for a daemon with many connections. Call it once at the start.
  package static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return
    }
    limit.rlim_cur = limit.rlim_max
    // Whoever may not, keeps what there is.
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
