// Any bytes must give a certificate request or an error. What is accepted keeps its bytes, its subject reads back from
// its own encoding, and a signature that is accepted here is accepted by swift-certificates too. The same bytes go through
// the reader of stored certificates.

import FoundationEssentials
import FuzzSupport
import SPIFFE
import SwiftASN1
import X509

@testable import Authority

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCSR(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let request = try? CSR(der: bytes) { read(request, bytes) }
  if let fields = try? CertificateFields(der: bytes) { read(fields, bytes) }
  if let name = Authority.DistinguishedName(der: bytes[...]) { read(name) }
  return 0
}

private func read(_ request: CSR, _ bytes: [UInt8]) {
  check(request.der == bytes, "other bytes than were given")
  check(mustSucceed("key") { try PublicKey(pkix: request.publicKey.pkix) } == request.publicKey, "another key")
  check((request.uris + request.dnsNames).allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }, "a name is not ASCII")
  check(Set(request.extensions.map(\.type)).count == request.extensions.count, "an extension is there twice")
  for item in request.extensions { read(item.type) }
  read(request.signatureAlgorithm)
  read(request.subject)

  let verified = (try? request.verifySignature()) != nil
  guard let other = try? CertificateSigningRequest(derEncoded: bytes) else { return }
  if let key = try? DER.Serializer.serialized(element: other.publicKey) {
    check(key == request.publicKey.pkix, "swift-certificates finds another key")
  }
  if verified { check(other.publicKey.isValidSignature(other.signature, for: other), "accepted a wrong signature") }
}

private func read(_ identifier: Authority.OID) {
  let text = identifier.description
  // The dotted form is read up to 56 bits.
  guard text.split(separator: ".").allSatisfy({ UInt64($0).map { $0 < UInt64(1) << 56 } == true }) else { return }
  check(Authority.OID(text) == identifier, "\(text) reads back as another object identifier")
}

private func read(_ name: Authority.DistinguishedName) {
  _ = name.description
  // Encoding sorts the values of one attribute, so from then on it is stable.
  let encoded = name.encoded
  guard let again = Authority.DistinguishedName(der: encoded[...]) else {
    return check(false, "a written name does not parse")
  }
  check(again.encoded == encoded, "a name is not stable")
  check(again.country.sorted() == name.country.sorted() && again.commonName == name.commonName, "another name")
}

private func read(_ fields: CertificateFields, _ bytes: [UInt8]) {
  guard let certificate = try? Certificate(derEncoded: bytes) else { return }
  check(certificate.serialNumber.bytes.elementsEqual(fields.serialNumber.drop { $0 == 0 }), "another serial number")
  check(Int64(certificate.notValidAfter.timeIntervalSince1970) == fields.notAfter, "another end of validity")
  check(Int64(certificate.notValidBefore.timeIntervalSince1970) == fields.notBefore, "another start of validity")
  if let key = try? DER.Serializer.serialized(element: certificate.publicKey) {
    check(fields.publicKey.elementsEqual(key), "another key")
  }
}

extension DER.Serializer {
  fileprivate static func serialized(element: some DERSerializable) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.serialize(element)
    return serializer.serializedBytes
  }
}
