// The JSON file of `entry create -data`: what is accepted, written out again in that form, is the same entries, and
// their IDs are SPIFFE IDs.

import FuzzSupport
import SPIFFE
import SPIREProtos
import ServerCommands

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEntryFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let entries = try? EntryFile.parse(fuzzedBytes(start, count)) else { return 0 }
  for entry in entries {
    for id in [entry.spiffeID, entry.parentID] {
      let text = "spiffe://" + id.trustDomain + id.path
      check((try? SPIFFEID(text))?.description == text, "accepted the ID \(text)")
    }
  }
  let file = JSONValue.object(
    JSONObject([JSONObject.Member(name: "entries", value: .array(entries.map(written)))]))
  let again = mustSucceed("what was read, written") { try EntryFile.parse(file.encoded()) }
  check(again == entries, "written and read again it is something else")
  return 0
}

private func written(_ entry: Spire_Api_Types_Entry) -> JSONValue {
  var members: [JSONObject.Member] = [
    .init(name: "entry_id", value: .string(entry.id)),
    .init(name: "spiffe_id", value: .string("spiffe://" + entry.spiffeID.trustDomain + entry.spiffeID.path)),
    .init(name: "parent_id", value: .string("spiffe://" + entry.parentID.trustDomain + entry.parentID.path)),
    .init(
      name: "selectors",
      value: .array(
        entry.selectors.map {
          .object(
            JSONObject([
              .init(name: "type", value: .string($0.type)), .init(name: "value", value: .string($0.value)),
            ]))
        })),
    .init(name: "x509_svid_ttl", value: .int(Int64(entry.x509SvidTtl))),
    .init(name: "jwt_svid_ttl", value: .int(Int64(entry.jwtSvidTtl))),
    .init(name: "federates_with", value: .array(entry.federatesWith.map { .string($0) })),
    .init(name: "admin", value: .bool(entry.admin)), .init(name: "downstream", value: .bool(entry.downstream)),
    .init(name: "entryExpiry", value: .int(entry.expiresAt)),
    .init(name: "dns_names", value: .array(entry.dnsNames.map { .string($0) })),
    .init(name: "store_svid", value: .bool(entry.storeSvid)), .init(name: "hint", value: .string(entry.hint)),
  ]
  if entry.hasAdditionalAttributes {
    let attributes = entry.additionalAttributes
    members.append(
      .init(
        name: "additional_attributes",
        value: .object(
          JSONObject([
            .init(name: "disable_x509_svid_prefetch", value: .bool(attributes.disableX509SvidPrefetch)),
            .init(name: "jwt_svid_include_jti", value: .bool(attributes.jwtSvidIncludeJti)),
          ]))))
  }
  return .object(JSONObject(members))
}
