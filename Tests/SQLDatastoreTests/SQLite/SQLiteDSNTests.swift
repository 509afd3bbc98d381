import Testing

@testable import SQLDatastore

@Suite struct SQLiteDSNTests {
  @Test(arguments: [
    ("/data/d.sqlite3", "file:/data/d.sqlite3"), ("./d", "file:./d"), ("d", "file:d"), ("file:d", "file:d"),
    ("file:///data/d", "file:/data/d"), ("file://localhost/data/d", "file:/data/d"),
    ("file:/a%20b?mode=rw&_fk=off&cache=private", "file:/a%20b?mode=rw&cache=private"),
    ("/a b#c%d", "file:/a%20b%23c%25d"),
    (":memory:", ":memory:"), ("file:name?mode=memory&cache=shared", "file:name?mode=memory&cache=shared"),
  ])
  func uri(_ text: String, _ uri: String) throws {
    #expect(try SQLiteDSN(text).uri == uri)
  }

  @Test func options() throws {
    let dsn = try SQLiteDSN("d?_timeout=10&_sync=normal&_cache_size=-99&_loc=auto&_journal=delete&_secure_delete=fast")
    #expect(dsn.busyTimeout == 10)
    #expect(
      dsn.pragmas == [
        .init(name: "synchronous", value: "NORMAL"), .init(name: "cache_size", value: "-99"),
        .init(name: "secure_delete", value: "FAST"),
      ])
    #expect(dsn.ignored == ["_loc"])
    #expect(!dsn.needsSingleConnection && !dsn.isInMemory)
    #expect(try SQLiteDSN("d?_locking=exclusive").needsSingleConnection)
    #expect(try SQLiteDSN("file::memory:").isInMemory)
  }

  @Test(arguments: ["", "d?_timeout=x", "d?_timeout=-1", "d?_sync=1;DROP", "d?_cache_size=a", "file://host/d", "s3:d"])
  func refuses(_ text: String) {
    #expect(throws: (any Error).self) { try SQLiteDSN(text) }
  }
}
