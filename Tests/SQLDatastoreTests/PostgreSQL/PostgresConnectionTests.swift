import Daemon
import DatastoreAPI
import Foundation
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// The driver: values, statements that are kept, and what is sent together.
@Suite struct PostgresConnectionTests {
  private func connect() throws -> PostgresConnection {
    try connectPostgres(PostgresServer.shared().connectionString("postgres"))
  }

  @Test func valuesComeBackAsTheyWere() throws {
    let connection = try connect()
    try connection.execute(
      """
      CREATE TEMPORARY TABLE v (id serial PRIMARY KEY, i integer, b bigint, s smallint, t varchar(255), d bytea, \
      f boolean, m timestamp with time zone)
      """, [])
    let text = "ä\u{1F600}'\"\\?$1\n"
    let bytes = (0...255).map { UInt8($0) }
    let insert = "INSERT INTO v (i, b, s, t, d, f, m) VALUES (?, ?, ?, ?, ?, ?, ?)"
    let times = [
      SQLTime(seconds: 0), SQLTime(seconds: -1, nanoseconds: 999_999_999),
      SQLTime(seconds: 1_795_291_845, nanoseconds: 1000),
      SQLTime(seconds: 253_402_300_799), SQLTime(seconds: -62_135_596_800),
    ]
    for (index, time) in times.enumerated() {
      let id = try connection.insert(
        insert,
        [
          .integer(-2_147_483_648), .integer(.min), -1, .text(text), .blob(bytes), .bool(index == 0), .time(time),
        ])
      #expect(id == Int64(index + 1))
    }
    _ = try connection.insert(insert, [.null, .null, .null, .text(""), .blob([]), .null, .null])
    _ = try connection.insert(insert, [2_147_483_647, .integer(.max), 256, .null, .null, true, .null])
    var rows = 0
    try connection.query("SELECT i, b, s, t, d, f, m FROM v ORDER BY id", []) {
      (row: any SQLRow) throws(DatastoreError) in
      switch rows {
      case 0..<times.count:
        #expect(row.integer(0) == -2_147_483_648 && row.integer(1) == .min && row.integer(2) == -1)
        #expect(row.text(3) == text && row.blob(4) == bytes && row.bool(5) == (rows == 0))
        let expected = times[rows]
        #expect(row.time(6)?.seconds == expected.seconds)
        #expect(row.time(6)?.nanoseconds == expected.nanoseconds / 1000 * 1000)
      case times.count:
        #expect(row.isNull(0) && row.integer(0) == 0 && row.text(3) == "" && !row.isNull(3))
        #expect(row.blob(4).isEmpty && !row.isNull(4) && row.isNull(5) && !row.bool(5) && row.time(6) == nil)
      default:
        #expect(row.integer(0) == 2_147_483_647 && row.integer(1) == .max && row.integer(2) == 256)
        #expect(row.isNull(3) && row.text(3) == "" && row.isNull(4) && row.bool(5))
      }
      rows += 1
    }
    #expect(rows == times.count + 2)
  }

  @Test func valuesThatDoNotFitAreTheCallersFault() async throws {
    try await TestEngine.postgres.run { datastore in
      for hint in ["a\0b", String(repeating: "x", count: 256)] {
        var bad = try entry("/bad", "unix:uid:1")
        bad.hint = hint
        let good = try entry("/good\(hint.utf8.count)", "unix:uid:1")
        let results = try await datastore.createEntries([good, bad])
        #expect(try results[0].get().existing == false)
        #expect(results[1].error?.code == .invalidArgument)
      }
      #expect(try await datastore.countEntries() == 2)
      let beyond = try await datastore.listEntries(.all, page: Page(size: 5, token: "9223372036854775807"))
      #expect(beyond == Listing([]))
    }
  }

  @Test func statementsAreKeptUpToALimit() throws {
    let connection = try connect()
    for round in 0..<2 {
      for number in 0..<450 {
        var value: Int64 = 0
        try connection.query("SELECT ? + \(number)", [.integer(Int64(round))]) {
          (row: any SQLRow) throws(DatastoreError) in value = row.integer(0)
        }
        #expect(value == Int64(number + round))
      }
    }
    var kept: Int64 = 0
    try connection.query("SELECT count(*) FROM pg_prepared_statements", []) {
      (row: any SQLRow) throws(DatastoreError) in kept = row.integer(0)
    }
    #expect((100...200).contains(kept))
    // The same one is not prepared again.
    for _ in 0..<3 {
      try connection.query("SELECT count(*) FROM pg_prepared_statements", []) {
        (row: any SQLRow) throws(DatastoreError) in #expect(row.integer(0) == kept)
      }
    }
  }

  @Test func aFaultOfWhatWasPostedIsReported() throws {
    let connection = try connect()
    try connection.post("CREATE TEMPORARY TABLE p (id serial PRIMARY KEY, v integer UNIQUE)", [])
    try connection.settle()
    try connection.post("BEGIN", [])
    for value in [1, 1, 2] { try connection.post("INSERT INTO p (v) VALUES (?)", [.integer(Int64(value))]) }
    #expect(connection.isInTransaction)
    let error = refusal { try connection.settle() }
    #expect(error?.code == .alreadyExists)
    #expect(connection.isInTransaction && connection.isAborted)
    try connection.execute("ROLLBACK", [])
    #expect(!connection.isInTransaction && connection.isUsable)
    // What was posted and never sent leaves nothing when it is rolled back.
    try connection.post("BEGIN", [])
    try connection.post("INSERT INTO p (v) VALUES (3)", [])
    try connection.execute("ROLLBACK", [])
    #expect(!connection.isInTransaction)
    // A transaction in which a statement failed is not taken for a committed one.
    try connection.post("BEGIN", [])
    _ = refusal { try connection.execute("SELECT nonsense", []) }
    let undone = refusal { try connection.execute("COMMIT", []) }
    #expect(undone?.code == .internal && undone?.isUndone == true)
    var count: Int64 = -1
    try connection.query("SELECT count(*) FROM p", []) { (row: any SQLRow) throws(DatastoreError) in
      count = row.integer(0)
    }
    #expect(count == 0)
  }

  @Test func muchTravelsInBothDirections() throws {
    let connection = try connect()
    try connection.execute("CREATE TEMPORARY TABLE big (id serial PRIMARY KEY, d bytea)", [])
    let blob = [UInt8](repeating: 7, count: 4_000_000)
    try connection.post("BEGIN", [])
    for _ in 0..<4 { try connection.post("INSERT INTO big (d) VALUES (?)", [.blob(blob)]) }
    var sizes: [Int] = []
    try connection.query("SELECT d FROM big", []) { (row: any SQLRow) throws(DatastoreError) in
      sizes.append(row.blob(0).count)
    }
    #expect(sizes == Array(repeating: 4_000_000, count: 4))
    try connection.execute("COMMIT", [])
  }

  @Test func notificationsArrive() throws {
    let listener = try connect()
    try listener.execute("LISTEN swift_spire_test", [])
    #expect(try listener.notifications(waiting: .zero).isEmpty)
    let sender = try connect()
    try sender.execute("SELECT pg_notify('swift_spire_test', ?)", [.text("7")])
    let found = try listener.notifications(waiting: .seconds(60))
    #expect(found.map(\.channel) == ["swift_spire_test"] && found.map(\.payload) == ["7"])
    #expect(listener.isUsable)
  }
}
