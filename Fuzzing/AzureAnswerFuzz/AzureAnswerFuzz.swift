// Whatever Azure or an agent on a machine of Azure says: names that are taken make no other URL, query or selector; the next
// page is at the same place; refusals are short; a challenge names no file outside its folder; a token can stand in a header.

import FoundationEssentials
import FuzzSupport
import HTTP
import SPIFFE

@testable import Azure
@testable import ServerPlugins

private let place = mustSucceed("the URL") { try WebURL("https://management.azure.com/subscriptions/s/resources") }
private let network = "Microsoft.Network"

private func isPart(_ text: String) -> Bool {
  !text.isEmpty && !text.unicodeScalars.contains { "/'\"\\|".unicodeScalars.contains($0) || $0.value < 0x20 }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAzureAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let text = String(decoding: bytes, as: UTF8.self)
  if let token = try? AzureMessages.msiToken(bytes) { check(!token.isEmpty, "an empty token") }
  _ = try? AzureMessages.AttestedDocument(bytes)
  check(AzureWeb.said(bytes).count <= 300, "a long refusal")
  if let certificate = try? AzureIssuers.certificate(bytes) {
    _ = mustSucceed("the certificate") { try X509Certificates.parse(der: certificate) }
  }
  if let id = AzureResourceID(text, provider: network, types: ["virtualNetworks", "subnets"]) {
    check(
      id.names.count == 2 && ([id.subscription, id.resourceGroup] + id.names).allSatisfy(isPart), "a part of an ID")
  }
  if let tenant = try? AzureTenants.tenant(ofIssuer: text) { check(AzureName.isDomain(tenant), "a tenant") }
  if let segment = AzureName.segment(text) {
    check(!segment.contains("/") && segment != "." && segment != "..", "a segment that is none")
  }
  if (try? AzureIMDSLookup.checkScaleSetName(text)) != nil { check(AzureName.segment(text) == text, "a scale set") }
  if let next = try? AzureAPI.next(text, after: place) {
    check(next.host == place.host && next.scheme == .https && next.port == 443, "a page elsewhere")
  }
  if let path = try? AzureManagedIdentity.arcPath(text, "/var/opt/azcmagent/tokens") {
    check(path.hasSuffix(".key") && path.split(separator: "/").count == 5, "a file of another folder")
    check(path.hasPrefix("/var/opt/azcmagent/tokens/") && !path.contains("/../"), "a file of another folder")
  }
  if let print = AzureManagedIdentity.fingerprint(text) { check(print.count == 20, "a fingerprint of no length") }
  guard let json = try? JSONValue(parsing: bytes) else { return 0 }
  if let token = try? AzureToken(json, at: Date(timeIntervalSince1970: 1_795_291_845)) {
    check(token.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a token that ends a header")
    check((.zero ... .seconds(86400)).contains(token.lifetime), "a life of no length")
    check(token.renewal <= token.lifetime, "a renewal after the end")
  }
  if let machine = try? AzureIMDSMachine(member: json, scaleSet: "s", resourceGroup: "g") {
    check(!machine.name.isEmpty && !machine.location.isEmpty, "a machine without name")
    for interface in machine.interfaces {
      check(interface.subnets.allSatisfy { isPart($0.network) && isPart($0.name) }, "a subnet without name")
    }
  }
  if let machine = try? AzureIMDSMachine(row: json) { check(machine.interfaces.isEmpty, "interfaces of nowhere") }
  check(AzureIMDSMachine.interfaces(rows: [json]).count == 1, "rows that vanish")
  return 0
}
