import CSpawn
import Daemon
import Glibc
import Keys

/// One run of a program that an operator names and that prints credentials: a child in a session of its own, without a
/// terminal and without a shell, whose output and time are bounded. Blocks its caller: to be called on `BackgroundWork`.
/// A value.
package struct BoundedProgram: Sendable {
  package struct Bounds: Sendable {
    package var time: Duration
    /// Of the standard output. In bytes.
    package var output: Int
    /// Of the standard error, the rest of which is read and forgotten.
    package var remarks: Int

    package init(time: Duration = .seconds(20), output: Int = 256 << 10, remarks: Int = 1024) {
      self.time = time
      self.output = output
      self.remarks = remarks
    }
  }

  /// Why there is no output. The description follows the program's name.
  package struct Failure: Error, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
      case notFound
      /// It is there, and cannot be executed.
      case notExecutable
      /// The system has no place for it.
      case notStarted(String)
      case late(Duration)
      case tooMuchOutput(Int)
      case exitCode(Int32)
      case signal(Int32)
    }

    package let reason: Reason
    /// What the program said on its standard error, which is for the operator's log only.
    package var remarks: [UInt8] = []

    package var description: String {
      switch reason {
      case .notFound: "not found"
      case .notExecutable: "cannot be executed"
      case .notStarted(let why): "is not started: \(why)"
      case .late(let time): "did not end within \(GoDuration.format(time))"
      case .tooMuchOutput(let limit): "printed more than \(limit) bytes"
      case .exitCode(let code): "failed with exit code \(code)"
      case .signal(let number): "was ended by signal \(number)"
      }
    }
  }

  /// A path, or a name to look for in the absolute folders of the environment's `PATH`.
  package let command: String
  package let arguments: [String]
  /// All that it gets; without NUL bytes, as the command and its arguments.
  package let environment: [String: String]
  package let bounds: Bounds

  package init(_ command: String, _ arguments: [String], environment: [String: String], bounds: Bounds = Bounds()) {
    self.command = command
    self.arguments = arguments
    self.environment = environment
    self.bounds = bounds
  }

  /// What the program printed, once it has ended well.
  ///
  /// - Parameter folders: where a name is looked for, in the form of `PATH`; nil for the program's own `PATH`.
  package func run(searching folders: String? = nil) throws(Failure) -> [UInt8] {
    let path = try find(folders ?? environment["PATH"] ?? "")
    let (output, errors) = (try pipe(), try pipe())
    defer { for end in [output.read, errors.read] { close(end) } }
    let pid = start(path, output.write, errors.write)
    for end in [output.write, errors.write] { close(end) }
    guard pid > 0 else {
      throw Failure(
        reason: -pid == ENOENT || -pid == EACCES ? missing(path) : .notStarted(GoText.errno(-pid)))
    }
    var reading = ProgramOutput(output: output.read, errors: errors.read, bounds: bounds)
    let deadline = ContinuousClock.now + bounds.time
    let problem = reading.untilEnd(deadline)
    let status = problem == nil ? Self.waitForEnd(pid, until: deadline) : nil
    guard let status else {
      // Its group goes with it, and its number is its own until it is collected.
      kill(-pid, SIGKILL)
      Self.collect(pid)
      throw Failure(reason: problem ?? .late(bounds.time), remarks: reading.errors)
    }
    guard status == 0 else {
      throw Failure(
        reason: status & 0x7F == 0 ? .exitCode((status >> 8) & 0xFF) : .signal(status & 0x7F), remarks: reading.errors)
    }
    return reading.output
  }

  // MARK: The program

  /// As Go looks for programs: never in the folder where this process happens to be.
  private func find(_ folders: String) throws(Failure) -> String {
    guard !command.contains("/") else {
      guard access(command, X_OK) == 0 else { throw Failure(reason: missing(command)) }
      return command
    }
    for folder in folders.split(separator: ":") where folder.hasPrefix("/") {
      let path = "\(folder)/\(command)"
      if access(path, X_OK) == 0, (try? FileStatus(path))?.kind == .regular { return path }
    }
    throw Failure(reason: .notFound)
  }

  private func missing(_ path: String) -> Failure.Reason {
    command.contains("/") && access(path, F_OK) == 0 ? .notExecutable : .notFound
  }

  private func start(_ path: String, _ output: Int32, _ errors: Int32) -> pid_t {
    var argv: [UnsafeMutablePointer<CChar>?] = ([command] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    return cspawn_session(path, &argv, &envp, output, errors)
  }

  private func pipe() throws(Failure) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    let result = cspawn_pipe(&ends)
    guard result == 0 else { throw Failure(reason: .notStarted("pipe: \(GoText.errno(-result))")) }
    return (ends[0], ends[1])
  }

  // MARK: Its end

  /// Collects the program once it has ended; nil if it goes on.
  private static func waitForEnd(_ pid: pid_t, until deadline: ContinuousClock.Instant) -> Int32? {
    repeat {
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid { return status }
      usleep(2_000)
    } while ContinuousClock.now < deadline
    return nil
  }

  private static func collect(_ pid: pid_t) {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }
}

extension BoundedProgram {
  /// The same for callers that may not block. The program takes time, not a processor, so it does not wait with its
  /// caller's work, and it goes on if the caller leaves.
  package func output() async throws(Failure) -> [UInt8] {
    do {
      return try await BackgroundWork.$pass.withValue(nil) { try await BackgroundWork.run { try run() } }
    } catch {
      throw (error as? Failure) ?? Failure(reason: .notStarted("\(error)"))
    }
  }
}
