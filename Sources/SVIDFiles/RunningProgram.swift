import CSpawn
package import Daemon
import FoundationEssentials
import Glibc
import Keys
import Synchronization

/// A program that was started to hear of new SVIDs. Signals go to it only while it is there: its process id stays its own
/// until ``waitForExit()`` has seen its end, which must therefore be called once. Any thread.
package final class RunningProgram: Sendable {
  package let pid: Int32
  private let isRunning = Mutex(true)

  private init(pid: Int32) { self.pid = pid }

  /// What a program gets from the one that starts it.
  package struct Streams: Sendable {
    /// -1 is /dev/null.
    package var input: Int32
    /// For standard output and error; -1 leaves both as they are.
    package var output: Int32

    /// The streams of this process.
    package static let inherited = Streams(input: STDIN_FILENO, output: -1)
    /// No input; everything it says goes to this process's standard error.
    package static let errorsOnly = Streams(input: -1, output: STDERR_FILENO)
  }

  /// Starts a program, looked for in `PATH` when its name has no slash.
  ///
  /// - Parameters:
  ///   - environment: variables that replace or join those of this process.
  ///   - deathSignal: what the program gets when this process ends, however it does; 0 for nothing.
  package static func start(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], streams: Streams,
    deathSignal: Int32 = 0
  ) throws(SVIDFileError) -> RunningProgram {
    let path = try find(program)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    let pid = cspawn(path, &argv, &envp, streams.input, streams.output, deathSignal)
    guard pid > 0 else {
      throw SVIDFileError(.program, "error executing process \"\(program)\": \(GoText.errno(-pid))")
    }
    return RunningProgram(pid: pid)
  }

  private static func find(_ program: String) throws(SVIDFileError) -> String {
    if program.contains("/") { return program }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    for folder in path.split(separator: ":") {
      let candidate = "\(folder)/\(program)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    throw SVIDFileError(
      .program, "error executing process \"\(program)\": exec: \"\(program)\": executable file not found in $PATH")
  }

  /// Sends a signal; false when the program has ended.
  @discardableResult
  package func send(_ signal: Int32) -> Bool {
    isRunning.withLock { $0 && kill(pid, signal) == 0 }
  }

  package var hasEnded: Bool { !isRunning.withLock { $0 } }

  /// Waits for the program's end; its exit code, or minus the signal that ended it.
  package func waitForExit() async -> Int32 {
    let status = try? await BackgroundWork.run { [self] in
      var information = siginfo_t()
      // Its id must not be free while somebody may signal it, so it is collected under the lock.
      while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      return isRunning.withLock { isRunning in
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        isRunning = false
        return status
      }
    }
    guard let status else { return -1 }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
  }

  /// Waits for the end, at most as long as `limit` and no longer than the task lives; then the program is killed.
  package func waitForExit(within limit: Duration, _ time: any TimeSource) async -> Int32 {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await time.sleep(for: limit)
        self.send(SIGKILL)
      }
      let status = await waitForExit()
      group.cancelAll()
      return status
    }
  }

  /// Asks the program to end and kills it after `seconds`, whatever becomes of the calling task. Returns when it is gone,
  /// which ``waitForExit()`` sees on another task.
  package func end(within seconds: Int) async {
    _ = try? await BackgroundWork.run { [self] in
      send(SIGTERM)
      for _ in 0..<(seconds * 100) where !hasEnded { usleep(10_000) }
      send(SIGKILL)
    }
  }
}
