import Glibc

/// Lets an interrupt end a command that has nothing to clean up, with exit code 1 and a line that says so.
enum InterruptExit {
  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        // Only calls that are allowed in a signal handler.
        let text: StaticString = "context canceled\n"
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(1)
      }
    }
  }
}
