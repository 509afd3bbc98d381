import Foundation
import Synchronization

/// A private MariaDB server on 127.0.0.1 for the tests, with its files in a folder of its own that goes with it.
///
/// One per test process (``shared()``) for tests that only need a database; tests that stop or kill it start their own.
/// Methods block for as long as the server takes.
package final class MariaDBServer: Sendable {
  package static let user = "spire"
  package static let password = "p@ss:w/rd?&%'\\"

  package let port: Int
  /// The folder of its files; its Unix socket and its certificate are there too.
  package let folder: String
  package var socket: String { folder + "/sock" }
  /// The server's certificate, which is its own authority, and its key.
  package var certificate: String { folder + "/server.crt" }
  package var key: String { folder + "/server.key" }

  /// Removes the folder, whatever was started and stopped meanwhile.
  private let keeper: ServerProcess
  private let process = Mutex<ServerProcess?>(nil)
  private let databases = Atomic<Int>(0)

  private static let system = getpwnam("mysql") == nil ? "nobody" : "mysql"
  private static let sharedServer = Mutex<MariaDBServer?>(nil)

  /// The server of this test process, started at the first call.
  package static func shared() throws -> MariaDBServer {
    try sharedServer.withLock { server in
      if let server { return server }
      let started = try MariaDBServer()
      server = started
      return started
    }
  }

  /// Whether MariaDB is installed here.
  package static var isInstalled: Bool { (try? binary("mariadbd")) != nil }

  package init() throws {
    port = try ServerProcess.freePort()
    // Short, for the path of the Unix socket, and where another user can get in.
    folder = "/tmp/spire-my-\(UUID().uuidString.prefix(13))"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    try ServerProcess.give(folder, to: Self.system)
    keeper = try ServerProcess(["true"], user: Self.system, log: "/dev/null", rubbish: folder)
    try ServerProcess.run(
      [
        Self.binary("mariadb-install-db"), "--no-defaults", "--datadir=\(folder)/data", "--skip-test-db",
        "--skip-name-resolve", "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M",
      ], as: Self.system)
    try ServerProcess.run(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
        "-subj", "/CN=database", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
      ], as: Self.system)
    try start()
    let root = try rootSession()
    try root.rows("CREATE USER \(Self.user) IDENTIFIED BY '\(Self.quoted(Self.password))'")
    try root.rows("GRANT ALL ON *.* TO \(Self.user)")
  }

  deinit {
    process.withLock { $0 = nil }
    keeper.end()
  }

  /// Starts the server after a ``stop(_:)`` and waits until it takes connections.
  package func start(_ more: [String] = []) throws {
    let started = try ServerProcess(
      [
        Self.binary("mariadbd"), "--no-defaults", "--datadir=\(folder)/data", "--socket=\(socket)", "--port=\(port)",
        "--bind-address=127.0.0.1", "--skip-name-resolve", "--pid-file=\(folder)/pid", "--tmpdir=\(folder)",
        "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--max-connections=200",
        "--innodb-log-file-size=8M", "--ssl-cert=\(certificate)", "--ssl-key=\(key)", "--ssl-ca=\(certificate)",
        "--max-prepared-stmt-count=100000", "--skip-log-bin",
      ] + more, user: Self.system, log: folder + "/log", rubbish: "")
    process.withLock { $0 = started }
    try ServerProcess.wait(for: "the start of MariaDB") { (try? rootSession()) != nil }
  }

  /// How a server is stopped.
  package enum Stop: Sendable {
    /// Clients are cut off, transactions undone, files written.
    case orderly
    /// As after a crash of the process.
    case killed
  }

  /// Stops the server and waits for its end.
  package func stop(_ how: Stop = .orderly) throws {
    guard let text = try? String(contentsOfFile: folder + "/pid", encoding: .utf8),
      let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)),
      kill(pid, how == .orderly ? SIGTERM : SIGKILL) == 0
    else { return }
    try ServerProcess.wait(for: "the end of MariaDB") { Self.hasEnded(pid) }
    process.withLock { $0 = nil }
    try? FileManager.default.removeItem(atPath: folder + "/pid")
  }

  /// Ended, whether or not the shell that started it has noticed.
  private static func hasEnded(_ pid: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
    return text.split(separator: ")").last?.hasPrefix(" Z") == true
  }

  /// The text that opens a database, for `connection_string`.
  package func connectionString(
    _ database: String, user: String = MariaDBServer.user, password: String = MariaDBServer.password,
    more: String = "parseTime=true"
  ) -> String {
    "\(user):\(password)@tcp(127.0.0.1:\(port))/\(database)?\(more)"
  }

  package func rootSession(_ database: String = "mysql") throws -> MariaDBSession {
    try MariaDBSession(socket: socket, user: "root", password: "", database: database)
  }

  /// A new, empty database.
  package func makeDatabase() throws -> String {
    let name = "test_\(databases.add(1, ordering: .relaxed).newValue)"
    try rootSession().rows("CREATE DATABASE \(name)")
    return name
  }

  package func dropDatabase(_ name: String) { _ = try? rootSession().rows("DROP DATABASE IF EXISTS \(name)") }

  /// The server's log.
  package var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

  private static func quoted(_ text: String) -> String {
    text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
  }

  /// A program of MariaDB: on the path, or where Debian keeps it.
  private static func binary(_ name: String) throws -> String {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin"]
    guard let found = folders.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
      throw TestDatabaseError("\(name) is not installed: apt-get install mariadb-server")
    }
    return found + "/" + name
  }
}
