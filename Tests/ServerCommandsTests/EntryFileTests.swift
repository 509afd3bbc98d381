import Mutations
import SPIFFE
import SPIREProtos
import Testing

@testable import ServerCommands

@Suite struct EntryFileTests {
  private let text = """
    {"entries": [{"entry_id": "1", "spiffe_id": "spiffe://example.org/a", "parent_id": "spiffe://example.org/b",
    "selectors": [{"type": "unix", "value": "uid:1"}], "x509_svid_ttl": 2147483647, "jwt_svid_ttl": 60,
    "federates_with": ["spiffe://c"], "admin": true, "entryExpiry": 9223372036854775807, "dns_names": ["d"],
    "additional_attributes": {"jwt_svid_include_jti": true}}]}
    """

  @Test func anyBytesAreEntriesOrAnError() throws {
    #expect(try EntryFile.parse(Array(text.utf8)).first?.expiresAt == .max)
    for bytes in Mutations(of: text, count: 3000) {
      guard let entries = try? EntryFile.parse(bytes) else { continue }
      for entry in entries {
        #expect(throws: Never.self) {
          try SPIFFEID("spiffe://" + entry.spiffeID.trustDomain + entry.spiffeID.path)
        }
      }
    }
  }

  @Test(arguments: ["2026-11-21 20:10:45 -0700 -07", "2026-11-21 20:10:45 +0000 UTC"])
  func anyTextIsATimeOrNot(_ text: String) {
    for bytes in Mutations(of: text, count: 2000) { _ = ExpiryTime.isValid(String(decoding: bytes, as: UTF8.self)) }
  }
}
