import DatastoreAPI
import Foundation
import Mutations
import Testing

@testable import SQLDatastore

@Suite struct MySQLDSNTests {
  @Test func everything() throws {
    let dsn = try MySQLDSN(
      "us%er:p@ss:w/rd?@tcp([2001:db8::1]:3307)/a%2Fb?parseTime=true&tls=skip-verify&timeout=1.5s&readTimeout=2s"
        + "&writeTimeout=1m&charset=utf8mb4,utf8&loc=UTC&clientFoundRows=0&wait_timeout=60&sql_mode=%27A%2CB%27")
    #expect(dsn.user == "us%er" && dsn.password == "p@ss:w/rd?")
    #expect(dsn.address == .tcp(host: "2001:db8::1", port: 3307))
    #expect(dsn.database == "a/b")
    #expect(dsn.parsesTime && dsn.tls == .unverified && !dsn.allowsCleartextPasswords)
    #expect(dsn.connectTimeout == 2 && dsn.readTimeout == 2 && dsn.writeTimeout == 60)
    #expect(
      dsn.variables == [.init(name: "wait_timeout", value: "60"), .init(name: "sql_mode", value: "'A,B'")])
    #expect(dsn.ignored.isEmpty)
    #expect(dsn.displayName == "MySQL database \"a/b\" at [2001:db8::1]:3307")
  }

  @Test(
    arguments: [
      ("/", .tcp(host: "127.0.0.1", port: 3306), "", "", ""),
      ("/db", .tcp(host: "127.0.0.1", port: 3306), "", "", "db"),
      ("u@/db", .tcp(host: "127.0.0.1", port: 3306), "u", "", "db"),
      ("u:@tcp/db", .tcp(host: "127.0.0.1", port: 3306), "u", "", "db"),
      ("u:p@tcp(h)/db", .tcp(host: "h", port: 3306), "u", "p", "db"),
      ("u:p:q@tcp(h:1)/db", .tcp(host: "h", port: 1), "u", "p:q", "db"),
      ("u:p@(h:1)/db", .tcp(host: "h", port: 1), "u", "p", "db"),
      ("tcp([::1])/db", .tcp(host: "::1", port: 3306), "", "", "db"),
      ("u@unix(/run/my sql.sock)/db", .unix(path: "/run/my sql.sock"), "u", "", "db"),
      ("unix/db", .unix(path: "/tmp/mysql.sock"), "", "", "db"),
      ("u:(p)@tcp(h)/db+1", .tcp(host: "h", port: 3306), "u", "", "db+1"),
    ] as [(String, MySQLDSN.Address, String, String, String)])
  func parts(_ text: String, _ address: MySQLDSN.Address, _ user: String, _ password: String, _ database: String) throws
  {
    let dsn = try MySQLDSN(text)
    #expect(dsn.address == address && dsn.user == user && dsn.database == database)
    #expect(dsn.password == (text.contains("(p)") ? "(p)" : password))
  }

  @Test(
    arguments: [
      ("tls=true", .verified), ("tls=1", .verified), ("tls=false", .none), ("tls=PREFERRED", .preferred), ("", .none),
      ("tls=Skip-Verify", .unverified),
    ] as [(String, MySQLDSN.TLSMode)])
  func tls(_ option: String, _ mode: MySQLDSN.TLSMode) throws {
    #expect(try MySQLDSN("/d?\(option)").tls == mode)
  }

  @Test func optionsWithoutEffectAreNamed() throws {
    let dsn = try MySQLDSN(
      "/d?compress=true&charset=latin1&allowNativePasswords=true&maxAllowedPacket=0&strict&timeout=0")
    #expect(dsn.ignored == ["compress", "charset", "maxAllowedPacket"])
    #expect(dsn.connectTimeout == nil)
    #expect(try MySQLDSN("/d?allowCleartextPasswords=1").allowsCleartextPasswords)
  }

  @Test(arguments: [
    ("db", "missing the slash separating the database name"),
    ("u@tcp(h/db", "network address not terminated (missing closing brace)"),
    ("u@tcp(h)x/db", "did you forget to escape a param value?"),
    ("tcp(h:port)/db", "the port of the address is not a number"), ("tcp(h:65536)/db", "is not a number"),
    ("tcp(::1)/db", "too many colons in address"), ("tcp([::1/db", "network address not terminated"),
    ("tcp([::1)/db", "missing ']' in address"), ("udp(h)/db", "\"udp\" is neither tcp nor unix"),
    ("/d%zz", "invalid dbname"), ("/d%", "invalid dbname"), ("/d%00", "invalid dbname"), ("/d\0", "byte 0"),
    ("/d?parseTime=yes", "invalid bool value: yes"), ("/d?tls=mine", "invalid value / unknown config name: mine"),
    ("/d?timeout=5", "invalid timeout"), ("/d?readTimeout=-5s", "invalid readTimeout"), ("/d?loc=Europe%2FRome", "loc"),
    ("/d?a;b=1", "\"a;b\" is neither an option nor the name of a variable"), ("/d?x=%", "invalid value of option x"),
  ])
  func refuses(_ text: String, _ reason: String) async {
    let error = await failure { _ = try MySQLDSN(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasPrefix("datastore-sql: invalid mysql config: ") == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "accepted")")
  }

  @Test func thePasswordIsNeverShown() async {
    for text in ["u:secret@tcp(h/db", "u:secret@udp(h)/db", "u:secret@tcp(h:x)/db", "u:secret@/d?tls=x", "u:secret@h"] {
      let error = await failure { _ = try MySQLDSN(text) }
      #expect(error?.message.contains("secret") == false)
    }
  }

  @Test func mutations() throws {
    let text = "u:p@tcp([::1]:3306)/d%20b?parseTime=true&tls=preferred&timeout=5s&loc=UTC&x_y=%271%27&compress=1"
    let names = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@".utf8)
    var accepted = 0
    for bytes in Mutations(of: text, count: 3000) {
      guard let dsn = try? MySQLDSN(String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect(dsn.variables.allSatisfy { $0.name.utf8.allSatisfy(names.contains) }, "a name that is SQL")
      #expect(!dsn.database.utf8.contains(0) && !dsn.user.utf8.contains(0) && !dsn.password.utf8.contains(0))
      accepted += 1
    }
    #expect(accepted > 0)
  }

  @Test func theEngineWantsTimesParsed() async {
    let engine = MySQLEngine(passwords: nil, tls: MySQLTLS())
    for text in ["u@/d", "u@/d?parseTime=false"] {
      let error = await failure { try engine.check(text) }
      #expect(
        error?.message
          == "datastore-sql: invalid mysql config: missing parseTime=true param in connection_string")
    }
    #expect(throws: Never.self) { try engine.check("u@/d?parseTime=1") }
  }

  @Test func tlsFilesBelongTogether() async {
    func message(_ tls: MySQLTLS) async -> String? {
      await failure { try MySQLEngine(passwords: nil, tls: tls).check("/d?parseTime=true") }?.message
    }
    #expect(
      await message(MySQLTLS(clientCertificatePath: "/c"))
        == "datastore-sql: client_cert_path and client_key_path must be set together")
    #expect(
      await message(MySQLTLS(rootCAPath: "/none/ca.pem"))
        == "datastore-sql: cannot read root_ca_path \"/none/ca.pem\": No such file or directory")
    #expect(await message(MySQLTLS(rootCAPath: "", clientCertificatePath: "", clientKeyPath: "")) == nil)
  }
}
