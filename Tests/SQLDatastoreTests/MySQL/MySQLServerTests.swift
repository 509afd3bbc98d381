import Daemon
import DatastoreAPI
import Foundation
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// What a server does to its clients: refuse, end connections, stop, be read only, ask for TLS.
@Suite struct MySQLServerTests {
  private func withDatabase(
    on server: MariaDBServer? = nil, _ body: (MariaDBServer, _ name: String) async throws -> Void
  ) async throws {
    let server = try server ?? .shared()
    let name = try server.makeDatabase()
    defer { server.dropDatabase(name) }
    try await body(server, name)
  }

  private func message(_ text: String) async -> String {
    let error = await failure { await (try open(text, "mysql")).close() }
    return "\(error?.code.rawValue ?? "opened"): \(error?.message ?? "")"
  }

  @Test func theErrorNamesTheSettingAndNotThePassword() async throws {
    try await withDatabase { server, name in
      let text = server.connectionString(name)
      let place = "MySQL database \"\(name)\" at 127.0.0.1:\(server.port)"
      let credentials = await message(server.connectionString(name, password: "guess"))
      #expect(credentials.hasPrefix("Unavailable: datastore-sql: \(place) refuses the user; correct user and password"))
      #expect(credentials.contains("in connection_string") && !credentials.contains("guess"))
      let database = await message(server.connectionString("none"))
      #expect(database.contains("is not there; create it or correct its name in connection_string"))
      let none = await message(server.connectionString(""))
      #expect(none.hasPrefix("InvalidArgument: datastore-sql: connection_string names no database"))
      let port = try ServerProcess.freePort()
      let away = await message(text.replacingOccurrences(of: ":\(server.port)", with: ":\(port)"))
      #expect(away.hasPrefix("Unavailable: "))
      #expect(away.contains("at 127.0.0.1:\(port) cannot be reached; check the server and the address"))
      let host = await message("u@tcp(no.such.host.invalid)/d?parseTime=true&timeout=2s")
      #expect(host.contains("at no.such.host.invalid:3306 cannot be reached"))
      let socket = await message("u@unix(/none/sock)/d?parseTime=true")
      #expect(socket.contains("at /none/sock cannot be reached"))
      let variable = await message(text + "&no_such_variable=1")
      #expect(variable.contains("no_such_variable"))
    }
  }

  @Test func overASocketAndWithVariables() async throws {
    try await withDatabase { server, name in
      let text = "root@unix(\(server.socket))/\(name)?parseTime=true&sql_mode=%27ANSI%27&wait_timeout=77&charset=utf8"
      let datastore = try await open(text, "mysql")
      try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
      let long = await failure {
        try await datastore.createJoinToken(JoinToken(value: String(repeating: "x", count: 256), expiresAt: 1))
      }
      #expect(long?.code == .invalidArgument)
      await datastore.close()
      let connection = try MySQLConnection(MySQLOptions(dsn: MySQLDSN(text), tls: MySQLTLS()))
      var row: [String] = []
      try connection.query(
        "SELECT @@SESSION.sql_mode, @@SESSION.wait_timeout, @@SESSION.character_set_client, 1 + 1, NULL, x'00ff'", []
      ) { row = [$0.text(0), "\($0.integer(1))", $0.text(2), "\($0.integer(3))", "\($0.isNull(4))", "\($0.blob(5))"] }
      #expect(row[0].contains("ANSI") && row[0].contains("STRICT_ALL_TABLES"))
      #expect(row.dropFirst() == ["77", "utf8mb4", "2", "true", "[0, 255]"])
    }
  }

  @Test func valuesComeBackAsTheyWere() async throws {
    try await withDatabase { server, name in
      let connection = try MySQLConnection(
        MySQLOptions(dsn: MySQLDSN(server.connectionString(name)), tls: MySQLTLS()))
      try connection.send(
        """
        CREATE TABLE v (id int unsigned AUTO_INCREMENT PRIMARY KEY, n bigint, b tinyint(1), t varchar(255), d longblob,
        w datetime NULL) DEFAULT CHARSET=utf8
        """)
      let large = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let rows: [[SQLValue]] = [
        [.integer(.min), true, "", .blob([]), .time(SQLTime(seconds: 0))],
        [.integer(.max), false, .text(String(repeating: "ż", count: 255)), .blob(large), .time(SQLTime(seconds: -1))],
        [.null, .null, .null, .null, .null],
        [5, true, "a\0b'\"\\", .blob([0, 255]), .time(SQLTime(seconds: 253_402_300_799, nanoseconds: 999_999_999))],
      ]
      let insert = "INSERT INTO v (n, b, t, d, w) VALUES (?, ?, ?, ?, ?)"
      for (index, row) in rows.enumerated() { #expect(try connection.insert(insert, row) == Int64(index + 1)) }
      var read: [[SQLValue]] = []
      try connection.query("SELECT n, b, t, d, w FROM v ORDER BY id", []) {
        (row: any SQLRow) throws(DatastoreError) in
        if row.isNull(0) {
          #expect((1..<5).allSatisfy { row.isNull($0) } && row.text(2) == "" && row.blob(3) == [] && row.time(4) == nil)
          return read.append(Array(repeating: .null, count: 5))
        }
        // Other statements run while rows are read.
        var count: Int64 = 0
        try connection.query("SELECT COUNT(*) FROM v", []) { count = $0.integer(0) }
        #expect(count == 4)
        read.append([
          .integer(row.integer(0)), .bool(row.bool(1)), .text(row.text(2)), .blob(row.blob(3)),
          row.time(4).map { .time($0) } ?? .null,
        ])
      }
      var expected = rows
      expected[3][4] = .time(SQLTime(seconds: 253_402_300_799))
      #expect(read == expected)
      // A row that is found counts, also when it stays as it is.
      for _ in 0..<2 { #expect(try connection.execute("UPDATE v SET n = ? WHERE id = ?", [7, 1]) == 1) }
      #expect(throws: DatastoreError.self) { try connection.execute("UPDATE v SET n = ? WHERE id = ?", [7]) }
      #expect(throws: DatastoreError.self) { try connection.query("SELECT nonsense FROM v WHERE id = ?", [7]) { _ in } }
      // More statements than are kept.
      for number in 0..<300 { try connection.query("SELECT id + \(number) FROM v WHERE id = ?", [1]) { _ in } }
      var count = 0
      try connection.query("SELECT 1 FROM v WHERE id = ?", [1]) { _ in count += 1 }
      #expect(count == 1)
    }
  }

  @Test func aConnectionCutInsideATransactionLosesNothingAndDoesNothingTwice() async throws {
    try await withDatabase { server, name in
      let text = server.connectionString(name)
      let datastore = try await open(text, "mysql")
      let raw = try server.rootSession(name)
      let runs = Counter()
      try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
        try transaction.insertJoinToken(JoinToken(value: "t", expiresAt: 1))
        // The first time only: what was done is gone with the connection, and done again on another one.
        if runs.next() == 1 { Self.kill(transaction, on: server) }
        try transaction.insertJoinToken(JoinToken(value: "u", expiresAt: 1))
      }
      #expect(runs.value == 2)
      #expect(try raw.rows("SELECT token FROM join_tokens ORDER BY token") == [["t"], ["u"]])
      // Idle ones as well.
      for row in try raw.rows("SELECT id FROM information_schema.processlist WHERE user = 'spire' AND db = '\(name)'") {
        try raw.rows("KILL \(row[0])")
      }
      #expect(try await datastore.fetchJoinToken("t") != nil)
      #expect(try await datastore.consumeJoinToken("u") != nil)
      await datastore.close()
    }
  }

  private static func kill(_ transaction: SQLTransaction, on server: MariaDBServer) {
    try? transaction.connection.query("SELECT CONNECTION_ID()", []) { (row: any SQLRow) throws(DatastoreError) in
      _ = try? server.rootSession().rows("KILL \(row.integer(0))")
    }
  }

  @Test func aDeadlockIsTriedAgain() async throws {
    try await withDatabase { server, name in
      let text = server.connectionString(name)
      let servers = [try await open(text, "mysql"), try await open(text, "mysql")]
      for value in ["a", "b"] { try await servers[0].createJoinToken(JoinToken(value: value, expiresAt: 1)) }
      let gate = Gate(2)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, order) in [["a", "b"], ["b", "a"]].enumerated() {
          let runs = Counter()
          group.addTask {
            try await servers[index].writeUncounted { (transaction) throws(DatastoreError) in
              let isFirst = runs.next() == 1
              for value in order {
                try transaction.execute("UPDATE join_tokens SET expiry = expiry + 1 WHERE token = ?", [.text(value)])
                if isFirst, value == order[0] { gate.arrive() }
              }
            }
          }
        }
        try await group.waitForAll()
      }
      for value in ["a", "b"] { #expect(try await servers[0].fetchJoinToken(value)?.expiresAt == 3) }
      for server in servers { await server.close() }
    }
  }

  @Test func twoServersOnOneDatabase() async throws {
    try await withDatabase { server, name in
      let text = server.connectionString(name)
      let servers = [try await open(text, "mysql"), try await open(text, "mysql")]
      try await servers[0].createJoinToken(JoinToken(value: "t", expiresAt: 100))
      let count = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<16 { group.addTask { try await servers[index % 2].consumeJoinToken("t") == nil ? 0 : 1 } }
        return try await group.reduce(0, +)
      }
      #expect(count == 1)
      let own = try TrustDomain("example.org")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<12 {
          group.addTask {
            let authority = X509Authority(der: [UInt8(index)])
            _ = try await servers[index % 2].appendBundle(Bundle(trustDomain: own, x509Authorities: [authority]))
          }
        }
        try await group.waitForAll()
      }
      // No authority of one is lost by the other.
      let bundle = try await servers[1].fetchBundle(of: own)
      #expect(Set(bundle?.x509Authorities.map(\.der) ?? []).count == 12)
      for server in servers { await server.close() }
    }
  }

  @Test func aServerThatStopsAndComesBack() async throws {
    let server = try MariaDBServer()
    try await withDatabase(on: server) { server, name in
      let datastore = try await open(server.connectionString(name), "mysql")
      try await datastore.createJoinToken(JoinToken(value: "kept", expiresAt: 1))
      for how in [MariaDBServer.Stop.orderly, .killed] {
        try server.stop(how)
        let error = await failure { try await datastore.createJoinToken(JoinToken(value: "\(how)", expiresAt: 1)) }
        #expect(error?.code == .unavailable)
        let read = await failure { _ = try await datastore.fetchJoinToken("kept") }
        #expect(read?.message.contains("cannot be reached") == true)
        try server.start()
        #expect(try await datastore.fetchJoinToken("kept") != nil)
        try await datastore.createJoinToken(JoinToken(value: "\(how)", expiresAt: 1))
      }
      await datastore.close()
    }
  }

  @Test func aServerThatIsReadOnly() async throws {
    let server = try MariaDBServer()
    try await withDatabase(on: server) { server, name in
      let root = try server.rootSession(name)
      try root.rows("CREATE USER plain IDENTIFIED BY 'x'")
      try root.rows("GRANT ALL ON \(name).* TO plain")
      let text = server.connectionString(name, user: "plain", password: "x")
      let datastore = try await open(text, "mysql")
      try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
      try root.rows("SET GLOBAL read_only = 1")
      let error = await failure { try await datastore.deleteJoinToken("t") }
      #expect(error?.code == .unavailable)
      #expect(
        error?.message.contains("is read only; let connection_string name a server that may write") == true)
      #expect(try await datastore.fetchJoinToken("t") != nil)
      try root.rows("SET GLOBAL read_only = 0")
      try await datastore.deleteJoinToken("t")
      await datastore.close()
    }
  }

  @Test func tls() async throws {
    try await withDatabase { server, name in
      func connection(_ more: String, _ tls: MySQLTLS = MySQLTLS(), host: String = "127.0.0.1") throws
        -> MySQLConnection
      {
        let text = server.connectionString(name, more: "parseTime=true" + more)
          .replacingOccurrences(of: "tcp(127.0.0.1", with: "tcp(\(host)")
        return try MySQLConnection(MySQLOptions(dsn: MySQLDSN(text), tls: tls))
      }
      func cipher(_ connection: MySQLConnection) throws -> String {
        var cipher = ""
        try connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", []) { cipher = $0.text(1) }
        return cipher
      }
      let trusted = MySQLTLS(rootCAPath: server.certificate)
      #expect(try cipher(connection("")) == "")
      for more in ["&tls=skip-verify", "&tls=preferred"] { #expect(try cipher(connection(more)) != "") }
      // With a file set, the server is verified, whatever the connection string says.
      for more in ["", "&tls=false", "&tls=skip-verify"] { #expect(try cipher(connection(more, trusted)) != "") }
      let unknown = await failure { _ = try connection("&tls=true") }
      #expect(unknown?.code == .unavailable)
      #expect(unknown?.message.contains("cannot be reached with TLS as configured; check tls, root_ca_path") == true)
      let other = await failure { _ = try connection("", trusted, host: "localhost") }
      #expect(other?.message.contains("with TLS as configured") == true, "the certificate is for 127.0.0.1")
      // A client certificate.
      let root = try server.rootSession()
      try root.rows("CREATE OR REPLACE USER certified IDENTIFIED BY 'x' REQUIRE X509")
      try root.rows("GRANT ALL ON *.* TO certified")
      func certified(_ tls: MySQLTLS) throws -> MySQLConnection {
        let text = server.connectionString("mysql", user: "certified", password: "x")
        return try MySQLConnection(MySQLOptions(dsn: MySQLDSN(text), tls: tls))
      }
      let refused = await failure { _ = try certified(trusted) }
      #expect(refused?.message.contains("refuses the user") == true)
      let keyed = MySQLTLS(
        rootCAPath: server.certificate, clientCertificatePath: server.certificate, clientKeyPath: server.key)
      #expect(try cipher(certified(keyed)) != "")
    }
  }

  @Test func aServerWithoutTLSIsNotTalkedToInTheClear() async throws {
    let server = try MariaDBServer()
    try server.stop()
    try server.start(["--skip-ssl"])
    try await withDatabase(on: server) { server, name in
      for more in ["tls=skip-verify", "tls=true"] {
        let error = await failure {
          _ = try await open(server.connectionString(name, more: "parseTime=true&\(more)"), "mysql")
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("TLS") == true)
      }
      await (try open(server.connectionString(name, more: "parseTime=true&tls=preferred"), "mysql")).close()
    }
  }

  @Test func aMissingLibraryIsNamed() async {
    let error = await failure { _ = try MariaDBLibrary.open("libnone.so.3") }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.message.contains("install libmariadb3") == true)
    let other = await failure { _ = try MariaDBLibrary.open("libc.so.6") }
    #expect(
      other?.message
        == "datastore-sql: libc.so.6 has no function mysql_init; install libmariadb3 in version 3.3 or newer")
  }
}
