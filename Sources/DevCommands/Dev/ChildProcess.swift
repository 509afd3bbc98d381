import CSpawn
import FoundationEssentials
import Glibc

/// A program that `spire dev` started beside itself. Ends when this process does, however it does.
@MainActor
final class ChildProcess {
  let name: String
  let log: String
  let pid: pid_t
  private(set) var exitStatus: Int32?

  /// Starts `executable`; its standard output and error are appended to `log`.
  init(name: String, executable: String, arguments: [String], log: String) throws {
    self.name = name
    self.log = log
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard output >= 0 else {
      throw DevError("cannot write \(log): \(String(cString: strerror(errno)))", hint: "")
    }
    defer { close(output) }
    var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    pid = cspawn(executable, &argv, environ, -1, output, SIGTERM)
    guard pid > 0 else {
      throw DevError(
        "cannot start \(executable): \(String(cString: strerror(-pid)))",
        hint: "`spire dev` runs the \(name) beside its own executable; run `make build`")
    }
  }

  /// Whether the program still runs; remembers how it ended.
  func isRunning() -> Bool {
    if exitStatus != nil { return false }
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) == pid else { return true }
    exitStatus = status
    return false
  }

  func terminate() {
    if isRunning() { kill(pid, SIGTERM) }
  }

  func forceQuit() {
    if isRunning() { kill(pid, SIGKILL) }
  }

  /// The end of the program's log, to show why it ended.
  func logTail(lines: Int = 8) -> String {
    guard let data = FileManager.default.contents(atPath: log) else { return "" }
    let text = String(decoding: data.suffix(16_384), as: UTF8.self)
    return text.split(separator: "\n").suffix(lines).map { "    " + $0 }.joined(separator: "\n")
  }
}
