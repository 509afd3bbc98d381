import Foundation
import Synchronization

/// A database server of the tests as a child that cannot outlive them: a shell starts it and holds the read end of a pipe;
/// when the pipe's write end is gone, however this process ended, the shell kills the server and removes `rubbish`.
///
/// (A death signal of the kernel would come when the thread ends that started the child, not the process.)
package final class ServerProcess: Sendable {
  /// What the shell holds on to.
  private struct State {
    var shell: Process?
    var hold: Int32
  }
  private let state: Mutex<State>

  /// - Parameters:
  ///   - user: whom the server runs as when the tests run as root, which database servers refuse.
  ///   - rubbish: a folder that is removed at the end; empty for none.
  package init(_ command: [String], user: String, log: String, rubbish: String) throws {
    let script = """
      rubbish=$1; log=$2; shift 2
      trap '' INT TERM HUP
      "$@" </dev/null >>"$log" 2>&1 &
      pid=$!
      cat >/dev/null
      kill -KILL $pid 2>/dev/null
      wait $pid 2>/dev/null
      if [ -n "$rubbish" ]; then rm -rf "$rubbish" || { sleep 2; rm -rf "$rubbish"; }; fi
      """
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw TestDatabaseError("no pipe: errno \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", script, "sh", rubbish, log] + Self.command(command, as: user)
    shell.standardInput = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
    shell.standardOutput = FileHandle.nullDevice
    shell.standardError = FileHandle.nullDevice
    shell.currentDirectoryURL = URL(fileURLWithPath: "/")
    do { try shell.run() } catch {
      close(ends[1])
      throw error
    }
    state = Mutex(State(shell: shell, hold: ends[1]))
  }

  deinit { end() }

  /// Kills the server if it still runs, and waits for its end.
  package func end() {
    let shell = state.withLock { state -> Process? in
      defer { state.shell = nil }
      if state.hold >= 0 { close(state.hold) }
      state.hold = -1
      return state.shell
    }
    shell?.waitUntilExit()
  }

  /// The command that runs `command` as `user`, if this process is root's.
  package static func command(_ command: [String], as user: String) -> [String] {
    guard geteuid() == 0 else { return command }
    return ["setpriv", "--reuid", user, "--regid", String(group(of: user)), "--clear-groups"] + command
  }

  private static func group(of user: String) -> gid_t { getpwnam(user)?.pointee.pw_gid ?? 65534 }

  /// Makes `user` the owner of a folder, if this process is root's.
  package static func give(_ path: String, to user: String) throws {
    guard geteuid() == 0 else { return }
    guard let entry = getpwnam(user), chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0 else {
      throw TestDatabaseError("\(path) cannot be given to \(user)")
    }
  }

  /// Runs a command to its end and returns what it printed.
  @discardableResult
  package static func run(_ command: [String], as user: String? = nil) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = user.map { Self.command(command, as: $0) } ?? command
    process.currentDirectoryURL = URL(fileURLWithPath: "/")
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw TestDatabaseError("\(command.joined(separator: " ")): \(text)") }
    return text
  }

  /// A port on 127.0.0.1 that nobody listens on.
  package static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard descriptor >= 0, isBound else { throw TestDatabaseError("no free port: errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// Asks again and again, for a minute at most, until the server that was started says that it is ready.
  package static func wait(for what: String, _ isReady: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !isReady() {
      guard ContinuousClock.now < deadline else { throw TestDatabaseError("\(what) did not happen within a minute") }
      usleep(5000)
    }
  }
}
