import CSpawn
import Daemon
import Glibc

/// One run of a credential plugin: a child in a session of its own, without a terminal and without a shell, whose output and
/// time are bounded. Blocks its caller; on ``ExecPlugins``' queue only. A value.
struct ExecProcess {
  /// Why there is no output, and what the plugin said on its standard error, which is for the operator's log only.
  struct Failure: Error, CustomStringConvertible {
    let description: String
    var remarks = ""
  }

  struct Bounds: Sendable {
    var time = Duration.seconds(20)
    /// Of the standard output. In bytes.
    var output = 256 << 10
    /// Of the standard error, the rest of which is read and forgotten.
    var remarks = 1024
  }

  let execution: ExecPlugin.Execution
  let environment: [String: String]
  let bounds: Bounds

  private var plugin: ExecPlugin { execution.plugin }

  /// What the plugin printed, once it has ended well.
  func run() throws(Failure) -> [UInt8] {
    let path = try find()
    let (output, errors) = (try pipe(), try pipe())
    defer { for end in [output.read, errors.read] { close(end) } }
    let pid = start(path, output.write, errors.write)
    for end in [output.write, errors.write] { close(end) }
    guard pid > 0 else {
      throw -pid == ENOENT || -pid == EACCES
        ? missing(path) : Failure(description: "exec: \(shown): \(GoText.errno(-pid))")
    }
    var reading = Reading(output: output.read, errors: errors.read, bounds: bounds)
    let deadline = ContinuousClock.now + bounds.time
    let problem = reading.untilEnd(deadline)
    let status = problem == nil ? Self.waitForEnd(pid, until: deadline) : nil
    guard let status else {
      // Its group goes with it, and its number is its own until it is collected.
      kill(-pid, SIGKILL)
      _ = Self.collect(pid)
      throw Failure(
        description: "exec: executable \(shown) " + (problem ?? "did not end within \(GoDuration.format(bounds.time))"),
        remarks: reading.remarks)
    }
    guard status == 0 else {
      let how =
        status & 0x7F == 0 ? "failed with exit code \((status >> 8) & 0xFF)" : "was ended by signal \(status & 0x7F)"
      throw Failure(description: "exec: executable \(shown) \(how)", remarks: reading.remarks)
    }
    return reading.output
  }

  // MARK: The program

  private var shown: String { OutsideText.line(plugin.command.utf8.prefix(256)) }

  /// As Go looks for programs: never in the folder where this process happens to be.
  private func find() throws(Failure) -> String {
    guard !plugin.command.contains("/") else {
      guard access(plugin.command, X_OK) == 0 else { throw missing(plugin.command) }
      return plugin.command
    }
    for folder in (environment["PATH"] ?? "").split(separator: ":") where folder.hasPrefix("/") {
      let path = "\(folder)/\(plugin.command)"
      var information = stat()
      if access(path, X_OK) == 0, stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG { return path }
    }
    throw missing(plugin.command)
  }

  private func missing(_ path: String) -> Failure {
    let isThere = plugin.command.contains("/") && access(path, F_OK) == 0
    var text = "exec: executable \(shown) " + (isThere ? "cannot be executed" : "not found")
    if !plugin.installHint.isEmpty { text += "; " + OutsideText.line(plugin.installHint.utf8.prefix(1024)) }
    return Failure(description: text)
  }

  private func start(_ path: String, _ output: Int32, _ errors: Int32) -> pid_t {
    var variables = environment
    for variable in plugin.variables { variables[variable.name] = variable.value }
    variables["KUBERNETES_EXEC_INFO"] = execution.information
    var argv: [UnsafeMutablePointer<CChar>?] = ([plugin.command] + plugin.arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    return cspawn_session(path, &argv, &envp, output, errors)
  }

  private func pipe() throws(Failure) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    let result = cspawn_pipe(&ends)
    guard result == 0 else { throw Failure(description: "exec: pipe: \(GoText.errno(-result))") }
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

  private static func collect(_ pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status
  }

  /// What has come out until now.
  private struct Reading {
    private var pipes: [pollfd]
    private let bounds: Bounds
    private(set) var output: [UInt8] = []
    private var errors: [UInt8] = []

    var remarks: String { OutsideText.line(errors) }

    init(output: Int32, errors: Int32, bounds: Bounds) {
      pipes = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      self.bounds = bounds
    }

    /// Reads until nobody can write any more; what is wrong if that does not come about.
    mutating func untilEnd(_ deadline: ContinuousClock.Instant) -> String? {
      while pipes.contains(where: { $0.fd >= 0 }) {
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return "did not end within \(GoDuration.format(bounds.time))" }
        let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
        guard poll(&pipes, nfds_t(pipes.count), Int32(clamping: milliseconds)) > 0 else { continue }
        for index in pipes.indices where pipes[index].revents != 0 { take(index) }
        guard output.count <= bounds.output else { return "printed more than \(bounds.output) bytes" }
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
}
