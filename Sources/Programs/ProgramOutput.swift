import Daemon
import Glibc

/// What has come out of a program until now, read from both of its pipes at once by ``BoundedProgram``. A value.
struct ProgramOutput {
  private var pipes: [pollfd]
  private let bounds: BoundedProgram.Bounds
  private(set) var output: [UInt8] = []
  private(set) var errors: [UInt8] = []

  init(output: Int32, errors: Int32, bounds: BoundedProgram.Bounds) {
    pipes = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    self.bounds = bounds
  }

  /// Reads until nobody can write any more; what is wrong if that does not come about.
  mutating func untilEnd(_ deadline: ContinuousClock.Instant) -> BoundedProgram.Failure.Reason? {
    while pipes.contains(where: { $0.fd >= 0 }) {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { return .late(bounds.time) }
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
      guard poll(&pipes, nfds_t(pipes.count), Int32(clamping: milliseconds)) > 0 else { continue }
      for index in pipes.indices where pipes[index].revents != 0 { take(index) }
      guard output.count <= bounds.output else { return .tooMuchOutput(bounds.output) }
    }
    return nil
  }

  private mutating func take(_ index: Int) {
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    let count = read(pipes[index].fd, &chunk, chunk.count)
    guard count > 0 else {
      // A negative number is not looked at by poll.
      if count == 0 || errno != EINTR { pipes[index].fd = -1 }
      return
    }
    if index == 0 {
      output += chunk[..<count]
    } else {
      errors += chunk[..<min(count, bounds.remarks - errors.count)]
    }
  }
}
