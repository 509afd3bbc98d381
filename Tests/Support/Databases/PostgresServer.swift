import Foundation
import Synchronization

/// A private PostgreSQL server on 127.0.0.1 for the tests, with its files in a folder of its own that goes with it.
///
/// One per test process (``shared()``) for tests that only need a database; tests that stop it, kill it or make it fail
/// over start their own. Methods block for as long as the server takes.
package final class PostgresServer: Sendable {
  /// How a server is stopped.
  package enum Stop: String, Sendable {
    /// Clients are cut off, transactions undone, files written.
    case fast = "INT"
    /// As after a power failure.
    case immediate = "QUIT"
    /// The process is frozen: it answers nothing, and its connections stay open.
    case frozen = "STOP"
  }

  package static let user = "spire"
  package static let password = "p@ss word/%'\\"

  package let port: Int
  /// The folder of its files; its Unix socket is there too.
  package let folder: String
  /// Removes the folder, whatever was started and stopped meanwhile.
  private let keeper: ServerProcess
  private let process = Mutex<ServerProcess?>(nil)
  private let databases = Atomic<Int>(0)

  private static let system = "nobody"
  private static let sharedServer = Mutex<PostgresServer?>(nil)

  /// The server of this test process, started at the first call.
  package static func shared() throws -> PostgresServer {
    try sharedServer.withLock { server in
      if let server { return server }
      let started = try PostgresServer()
      server = started
      return started
    }
  }

  /// Whether PostgreSQL is installed here.
  package static var isInstalled: Bool { (try? binary("postgres")) != nil }

  /// Makes a new cluster and starts it.
  ///
  /// - Parameter durable: whether a commit waits for the disk; it costs time and is of use to tests of power failures only.
  package init(durable: Bool = false) throws {
    (folder, port) = (try Self.makeFolder(), try ServerProcess.freePort())
    keeper = try ServerProcess(["true"], user: Self.system, log: "/dev/null", rubbish: folder)
    let secret = folder + "/password"
    try Self.password.write(toFile: secret, atomically: false, encoding: .utf8)
    try ServerProcess.give(secret, to: Self.system)
    try ServerProcess.run(
      [
        Self.binary("initdb"), "-D", folder + "/data", "-U", Self.user, "--pwfile", secret, "-A", "scram-sha-256",
        "--no-sync", "-E", "UTF8", "--locale=C",
      ], as: Self.system)
    try Self.certify(folder)
    let settings = """
      listen_addresses = '127.0.0.1'
      port = \(port)
      unix_socket_directories = '\(folder)'
      fsync = \(durable)
      full_page_writes = \(durable)
      max_connections = 200
      shared_buffers = 64MB
      wal_level = replica
      max_wal_senders = 8
      ssl = on
      ssl_cert_file = '\(folder)/server.crt'
      ssl_key_file = '\(folder)/server.key'

      """
    try settings.write(toFile: folder + "/data/postgresql.auto.conf", atomically: false, encoding: .utf8)
    try ServerProcess.give(folder + "/data/postgresql.auto.conf", to: Self.system)
    try start()
  }

  /// A server that follows `primary`: all that is committed there appears here, and nothing can be written here.
  private init(following primary: PostgresServer) throws {
    (folder, port) = (try Self.makeFolder(), try ServerProcess.freePort())
    keeper = try ServerProcess(["true"], user: Self.system, log: "/dev/null", rubbish: folder)
    let secret = folder + "/password"
    let line = "*:*:*:\(Self.user):\(Self.password.replacingOccurrences(of: "\\", with: "\\\\"))"
    try line.write(toFile: secret, atomically: false, encoding: .utf8)
    chmod(secret, 0o600)
    try ServerProcess.give(secret, to: Self.system)
    try ServerProcess.run(
      [
        Self.binary("pg_basebackup"), "-D", folder + "/data", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
        "host=127.0.0.1 port=\(primary.port) user=\(Self.user) passfile=\(secret)",
      ], as: Self.system)
    let path = folder + "/data/postgresql.auto.conf"
    var settings = try String(contentsOfFile: path, encoding: .utf8)
    settings += """

      port = \(port)
      unix_socket_directories = '\(folder)'
      ssl = off

      """
    try settings.write(toFile: path, atomically: false, encoding: .utf8)
    try start()
  }

  deinit {
    process.withLock { $0 = nil }
    keeper.end()
  }

  package func makeReplica() throws -> PostgresServer { try PostgresServer(following: self) }

  /// Makes a replica a primary.
  package func promote() throws {
    let session = try PostgresSession(connectionString("postgres"))
    try session.rows("SELECT pg_promote(true, 60)")
  }

  /// Starts the server after a ``stop(_:)`` and waits until it takes connections.
  package func start() throws {
    try? FileManager.default.removeItem(atPath: folder + "/data/postmaster.pid")
    let started = try ServerProcess(
      [Self.binary("postgres"), "-D", folder + "/data"], user: Self.system, log: folder + "/log", rubbish: "")
    try ServerProcess.wait(for: "the start of PostgreSQL") {
      let lines = pidFile()
      if lines.count >= 8, lines[7].hasPrefix("ready") { return true }
      let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
      if log.contains("FATAL:  could not create any TCP/IP sockets") { throw TestDatabaseError(log) }
      return false
    }
    process.withLock { $0 = started }
  }

  /// Stops the server and waits for its end (not when it is only frozen).
  package func stop(_ how: Stop = .fast) throws {
    guard let pid = pid(), kill(pid, how.signal) == 0 else { return }
    guard how != .frozen else { return }
    try ServerProcess.wait(for: "the end of PostgreSQL") { kill(pid, 0) != 0 && errno == ESRCH || isZombie(pid) }
    process.withLock { $0 = nil }
  }

  /// Lets a frozen server run on.
  package func thaw() { pid().map { _ = kill($0, SIGCONT) } }

  /// The text that opens a database, for `connection_string`.
  package func connectionString(
    _ database: String, user: String = PostgresServer.user, password: String = PostgresServer.password,
    more: String = "sslmode=disable"
  ) -> String {
    let quoted = password.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
    return "host=127.0.0.1 port=\(port) user=\(user) password='\(quoted)' dbname=\(database) \(more)"
  }

  /// A new, empty database.
  package func makeDatabase() throws -> String {
    let name = "test_\(databases.add(1, ordering: .relaxed).newValue)"
    try PostgresSession(connectionString("postgres")).rows("CREATE DATABASE \(name) TEMPLATE template0")
    return name
  }

  package func dropDatabase(_ name: String) {
    _ = try? PostgresSession(connectionString("postgres")).rows("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
  }

  /// The server's log.
  package var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

  private func pidFile() -> [String] {
    let text = (try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)) ?? ""
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  private func pid() -> pid_t? { pidFile().first.flatMap { pid_t($0) } }

  private static func makeFolder() throws -> String {
    // Short, for the path of the Unix socket, and where another user can get in.
    let folder = "/tmp/spire-pg-\(UUID().uuidString.prefix(13))"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    try ServerProcess.give(folder, to: system)
    return folder
  }

  /// A certificate of its own for 127.0.0.1.
  private static func certify(_ folder: String) throws {
    try ServerProcess.run(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
        "-subj", "/CN=database", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/server.key", "-out",
        folder + "/server.crt",
      ], as: system)
    chmod(folder + "/server.key", 0o600)
  }

  /// A program of PostgreSQL: on the path, or where Debian keeps it.
  static func binary(_ name: String) throws -> String {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    let folders =
      versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
      + path.split(separator: ":").map(String.init)
    guard let found = folders.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
      throw TestDatabaseError("\(name) is not installed: apt-get install postgresql")
    }
    return found + "/" + name
  }
}

extension PostgresServer.Stop {
  fileprivate var signal: Int32 {
    switch self {
    case .fast: SIGINT
    case .immediate: SIGQUIT
    case .frozen: SIGSTOP
    }
  }
}

/// Ended, but not collected by the shell that started it.
private func isZombie(_ pid: pid_t) -> Bool {
  guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
  return text.split(separator: ")").last?.hasPrefix(" Z") == true
}
