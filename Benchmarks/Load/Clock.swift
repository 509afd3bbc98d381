import Glibc

/// Monotonic time, and the processor time that a process has used, in nanoseconds.
enum Clock {
  static var now: Int { read(CLOCK_MONOTONIC) }

  /// User and system time of all threads of a process so far; 0 without a process.
  static func used(by process: Int?) throws -> Int {
    guard let process else { return 0 }
    var clock = clockid_t()
    guard clock_getcpuclockid(pid_t(process), &clock) == 0 else { throw LoadError("there is no process \(process)") }
    return read(clock)
  }

  private static func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
