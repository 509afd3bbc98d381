// An entry of the API, and the JSON file of `entry create -data`: whatever is taken keeps the rules of server-behaviour
// §6.1 (written down a second time here) and reads back as itself.

import DatastoreAPI
import FuzzSupport
import SPIFFE
import SPIREProtos
import Server
import ServerCommands
import SwiftProtobuf

private let domain = mustSucceed("the trust domain") { try TrustDomain("example.org") }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEntry(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if bytes.first == UInt8(ascii: "{") {
    for entry in (try? EntryFile.parse(bytes)) ?? [] { convert(entry) }
  } else if let message = try? Spire_Api_Types_Entry(serializedBytes: bytes) {
    convert(message)
  }
  return 0
}

private func convert(_ message: Spire_Api_Types_Entry) {
  let conversion = EntryConversion(trustDomain: domain)
  guard let entry = try? conversion.entry(from: message) else { return }
  check(entry.spiffeID.isMember(of: domain) && entry.parentID.isMember(of: domain), "a member of another trust domain")
  check(!entry.parentID.path.isEmpty && !entry.spiffeID.path.isEmpty, "an ID without a path")
  check(entry.spiffeID.path != "/spire" && !entry.spiffeID.path.hasPrefix("/spire/"), "a reserved ID")
  check(!entry.selectors.isEmpty, "no selector")
  for selector in entry.selectors {
    check(!selector.type.isEmpty && !selector.value.isEmpty, "an empty selector")
    check(!selector.type.utf8.contains(UInt8(ascii: ":")), "a selector type that ends elsewhere")
  }
  for name in entry.dnsNames {
    check(!name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(name.debugDescription) is no DNS name")
  }
  for other in entry.federatesWith {
    check(mustSucceed("a trust domain that is none") { try TrustDomain(other.name) } == other, "another trust domain")
  }
  check(entry.hint.utf8.count <= 1024, "a hint that is too long")
  check(
    mustSucceed("what was taken is refused") { try conversion.entry(from: entry.apiMessage) } == entry, "another entry")
}
