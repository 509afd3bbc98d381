import SPIFFE
package import SPIREProtos
import SwiftProtobuf

/// The file that `-data` names: `{"entries": [{"spiffe_id": …, "parent_id": …, "selectors": […], …}]}`.
package enum EntryFile {
  /// The entries of the file, in order.
  package static func parse(_ bytes: [UInt8]) throws -> [Spire_Api_Types_Entry] {
    let document = try DataObject(parsing: bytes)
    return try document.objects("entries").map(entry)
  }

  private static func entry(_ data: DataObject) throws -> Spire_Api_Types_Entry {
    var entry = Spire_Api_Types_Entry()
    entry.id = try data.string("entry_id")
    entry.spiffeID = try id(data, "spiffe_id")
    entry.parentID = try id(data, "parent_id")
    entry.selectors = try data.objects("selectors").map { selector in
      try .with {
        $0.type = try selector.string("type")
        $0.value = try selector.string("value")
      }
    }
    entry.x509SvidTtl = try data.int32("x509_svid_ttl")
    entry.jwtSvidTtl = try data.int32("jwt_svid_ttl")
    entry.federatesWith = try data.strings("federates_with")
    entry.admin = try data.bool("admin")
    entry.downstream = try data.bool("downstream")
    entry.expiresAt = try data.int64("entryExpiry")
    entry.dnsNames = try data.strings("dns_names")
    entry.storeSvid = try data.bool("store_svid")
    entry.hint = try data.string("hint")
    if let attributes = try data.object("additional_attributes") {
      entry.additionalAttributes.disableX509SvidPrefetch = try attributes.bool("disable_x509_svid_prefetch")
      entry.additionalAttributes.jwtSvidIncludeJti = try attributes.bool("jwt_svid_include_jti")
    }
    return entry
  }

  private static func id(_ data: DataObject, _ name: String) throws -> Spire_Api_Types_SPIFFEID {
    let text = try data.string(name)
    do {
      let id = try SPIFFEID(text)
      return .with {
        $0.trustDomain = id.trustDomain.name
        $0.path = id.path
      }
    } catch { throw data.failure(name, "\(error)") }
  }
}
