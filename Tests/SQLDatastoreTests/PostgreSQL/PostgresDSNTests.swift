import DatastoreAPI
import Mutations
import TestDatabases
import Testing

@testable import SQLDatastore

@Suite struct PostgresDSNTests {
  private func options(_ text: String) throws -> [String: String] { try PostgresDSN(text).options }

  @Test func readsWords() throws {
    #expect(
      try options("host=db user = spire password='it\\'s \\\\ a b' dbname=spire port=5433 sslmode=verify-full")
        == [
          "host": "db", "user": "spire", "password": "it's \\ a b", "dbname": "spire", "port": "5433",
          "sslmode": "verify-full",
        ])
    #expect(
      try options("host=db password=a\\ b\\'c user=''") == [
        "host": "db", "password": "a b'c", "user": "", "sslmode": "require",
      ])
    #expect(try options("dbname=spire") == ["host": "localhost", "dbname": "spire", "sslmode": "require"])
  }

  @Test(arguments: ["postgres", "postgresql"]) func readsURLs(_ scheme: String) throws {
    #expect(
      try options(
        "\(scheme)://spire:p%40ss%2Fword%25@db.example.org:5433/spire%20db?sslmode=disable&application_name=a+b")
        == [
          "user": "spire", "password": "p@ss/word%", "host": "db.example.org", "port": "5433", "dbname": "spire db",
          "sslmode": "disable", "application_name": "a b",
        ])
    #expect(try options("\(scheme)://") == ["host": "localhost", "sslmode": "require"])
    #expect(
      try options("\(scheme)://u@[2001:db8::1]:99,second/d")
        == ["user": "u", "host": "2001:db8::1,second", "port": "99,5432", "dbname": "d", "sslmode": "require"])
    #expect(try options("\(scheme):///d?host=/var/run/postgresql")["host"] == "/var/run/postgresql")
  }

  @Test func otherNamesAreSettingsOfTheServer() throws {
    let dsn = try PostgresDSN(
      "host=a search_path='a b\\\\c' statement_timeout=500 options='-c x=1' binary_parameters=yes")
    #expect(dsn.serverOptions == "-c x=1 -c search_path=a\\ b\\\\c -c statement_timeout=500")
    #expect(dsn.setting("statement_timeout") == "500")
    #expect(dsn.ignored == ["binary_parameters"])
    #expect(dsn.options["search_path"] == nil)
  }

  @Test(arguments: [
    ("secret", "name=value words"), ("host=a secret b", "name=value words"), ("password='secret", "does not end"),
    ("postgres://u:se/cret@h/d", "a port that is no number"), ("postgres://u:%zzsecret@h/d", "hexadecimal digits"),
    ("postgres://[::1/secret", "\"[\" without"), ("host=a sslmode=secret", "unsupported sslmode"),
    ("connect_timeout=secret", "connect_timeout must be a number"), ("sec-ret=1", "no option's name"),
    ("sslinline=true", "sslinline is not supported"),
  ])
  func refuses(_ row: (text: String, problem: String)) {
    let error = refusal { _ = try PostgresDSN(row.text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(row.problem) == true, "\(error?.message ?? "accepted")")
    #expect(row.text.contains("sslmode") || error?.message.contains("secret") == false)
  }

  @Test func namesTheDatabaseWithoutThePassword() throws {
    let dsn = try PostgresDSN("postgres://spire:secret@one,two:6432/entries")
    #expect(dsn.displayName == "PostgreSQL at \"one,two\" port 5432,6432 (database \"entries\")")
    #expect(dsn.endpoint == "one:5432")
    #expect(dsn.hasSeveralHosts)
  }

  @Test func anyTextIsReadOrRefused() {
    for text in ["postgres://u:p%40@h:1,[::1]:2/d?a=b+c&sslmode=disable", "host=a password='b\\'c' d = e\\ f"] {
      for bytes in Mutations(of: text, count: 3000) {
        guard let dsn = try? PostgresDSN(String(decoding: bytes, as: UTF8.self)) else { continue }
        #expect(dsn.options["host"] != nil)
        #expect(dsn.settings.allSatisfy { !$0.name.contains(" ") && !$0.name.contains("=") })
      }
    }
  }

  @Test func argumentsAreNumberedOutsideOfQuotes() {
    #expect(
      PostgresStatement.numbered("SELECT '?', \"?\" FROM t WHERE a = ? AND b IN (?, ?) OR c = 'it''s ?' AND d = ?")
        == "SELECT '?', \"?\" FROM t WHERE a = $1 AND b IN ($2, $3) OR c = 'it''s ?' AND d = $4")
  }

  @Test func aMissingLibraryIsNamed() {
    let error = refusal { _ = try PostgresLibrary("libpq-that-is-not-there.so.5") }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.message.contains("install libpq5") == true)
    #expect(error?.message.contains("libpq-that-is-not-there.so.5") == true)
    // And one that is there, but is another library.
    let other = refusal { _ = try PostgresLibrary("libc.so.6") }
    #expect(other?.message.contains("PQconnectdbParams") == true)
  }
}
