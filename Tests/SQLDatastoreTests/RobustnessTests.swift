import DatastoreAPI
import Mutations
import SPIFFE
import Testing

@testable import SQLDatastore

/// A database may have been written by another program or damaged: what is read from it is read or refused, and what is
/// read means the same when it is written and read again.
@Suite struct RobustnessTests {
  @Test func bundles() throws {
    let bundle = Bundle(
      trustDomain: try TrustDomain("example.org"), x509Authorities: [X509Authority(der: [1, 2, 3], tainted: true)],
      jwtAuthorities: [JWTAuthority(publicKey: [4, 5], keyID: "a", expiresAt: 1_800_000_000, tainted: true)],
      witAuthorities: [JWTAuthority(publicKey: [6], keyID: "b")], refreshHint: 300, sequenceNumber: 7)
    var accepted = 0
    for bytes in Mutations(of: try BundleCoding.encode(bundle), count: 3000) {
      guard let read = try? BundleCoding.decode(bytes, row: "spiffe://example.org") else { continue }
      #expect(try BundleCoding.decode(BundleCoding.encode(read), row: "spiffe://example.org") == read)
      accepted += 1
    }
    #expect(accepted > 0)
  }

  @Test(arguments: ["2026-11-21 20:10:45.689496527+00:00", "2026-11-21T20:10:45Z", "0000-01-01 00:00 -23:59"])
  func times(_ text: String) throws {
    #expect(SQLTime(text: text) != nil)
    for bytes in Mutations(of: text, count: 3000) {
      guard let time = SQLTime(text: String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect(SQLTime(text: time.text) == time, "\(time.text)")
    }
  }

  @Test func connectionStrings() throws {
    let text = "file://localhost/a%20b.db?mode=rwc&_busy_timeout=10&_synchronous=full&_cache_size=-5&cache=shared&x=%00"
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-".utf8)
    #expect(throws: Never.self) { try SQLiteDSN(text) }
    for bytes in Mutations(of: text, count: 3000) {
      guard let dsn = try? SQLiteDSN(String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect(dsn.pragmas.allSatisfy { $0.value.utf8.allSatisfy(allowed.contains) }, "a value that SQLite would run")
      #expect(dsn.busyTimeout >= 0)
      #expect(!dsn.uri.utf8.contains(0), "a path that ends early")
    }
  }

  @Test func versions() {
    for bytes in Mutations(of: "1.15.3-dev", count: 2000) {
      guard let version = CodeVersion(String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect(CodeVersion(version.description) == version)
      _ = version.isCompatible(with: version)
    }
  }
}
