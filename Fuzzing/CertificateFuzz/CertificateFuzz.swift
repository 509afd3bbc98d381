// Any DER must give certificates or an error, a certificate must be written as it was read, and no chain may verify
// against the recorded bundle whose leaf that bundle's authority did not sign.

import FoundationEssentials
import FuzzSupport
import SPIFFE
import X509

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCertificate(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let pieces = try? X509Certificates.splitDER(bytes) else {
    check((try? X509Certificates.parse(der: bytes)) == nil, "a certificate that is not one DER sequence")
    return 0
  }
  check(pieces.flatMap { $0 } == bytes, "the pieces are not the whole")
  for piece in pieces { read(piece) }
  presented(pieces)
  besidesTheLeaf(pieces)
  asAuthorities(pieces)
  return 0
}

/// What the recorded server signed, and when all of it was valid.
private let root = certificates("bundle.0.pem")[0]
private let leaves = certificates("svid.0.pem") + certificates("svid.1.pem")
private let signed = Set(
  leaves.map { der in
    Array(mustSucceed("leaf") { try X509Certificates.parse(der: der) }.tbsCertificateBytes)
  })
private let now = Date(timeIntervalSince1970: 1_795_292_100)
private let domain = mustSucceed("trust domain") { try TrustDomain("example.org") }
private let verifier = X509SVIDVerifier(
  bundle: Bundle(trustDomain: domain, x509Authorities: [X509Authority(der: root)]))

private func certificates(_ name: String) -> [[UInt8]] {
  mustSucceed(name) { try PEM.decode(recorded("api-fetch-x509-write/\(name)"), type: "CERTIFICATE") }
}

private func read(_ der: [UInt8]) {
  guard let certificate = try? X509Certificates.parse(der: der) else { return }
  let written = mustSucceed("a parsed certificate cannot be written") { try X509Certificates.der(of: certificate) }
  check(written == der, "a certificate is written in other bytes than it was read from")
  if let id = try? X509Certificates.spiffeID(of: certificate) {
    let uris = mustSucceed("URIs") { try X509Certificates.uriNames(of: certificate) }
    check(uris == [id.description], "the SPIFFE ID is not the only URI")
  }
  _ = try? X509Certificates.dnsNames(of: certificate)
  _ = X509Certificates.subjectKeyIdentifier(of: certificate)
  _ = X509Certificates.authorityKeyIdentifier(of: certificate)
  check(X509Certificates.serialNumber(of: certificate).utf8.allSatisfy { (0x30...0x39).contains($0) }, "not a number")
  if let key = try? X509Certificates.publicKey(of: certificate) {
    check((try? PublicKey(pkix: key.pkix)) == key, "the certified key reads back as another one")
  }
}

/// The input is the chain.
private func presented(_ chain: [[UInt8]]) {
  guard let svid = try? verifier.verify(chain: chain, at: now) else { return }
  check(signed.contains(Array(svid.leaf.tbsCertificateBytes)), "accepted a leaf that the authority did not sign")
  check(svid.authority == root, "accepted a path to another authority")
  check(svid.id.trustDomain == domain, "accepted an ID of another trust domain")
}

/// The input follows a good leaf: it can make the chain unreadable, and nothing else.
private func besidesTheLeaf(_ others: [[UInt8]]) {
  do {
    let svid = try verifier.verify(chain: [leaves[1]] + others, at: now)
    check(svid.chain == [leaves[1], root], "another path than leaf and authority")
  } catch {
    check([.malformedCertificate, .chainTooLong].contains(error.code), "a good leaf is refused: \(error)")
  }
}

/// The input is the bundle: only the authority's key can have signed the leaf.
private func asAuthorities(_ authorities: [[UInt8]]) {
  let bundle = Bundle(trustDomain: domain, x509Authorities: authorities.map { X509Authority(der: $0) })
  guard let svid = try? X509SVIDVerifier(bundle: bundle).verify(chain: [leaves[1]], at: now) else { return }
  let key = mustSucceed("authority") { try X509Certificates.publicKey(of: X509Certificates.parse(der: svid.authority)) }
  let own = mustSucceed("root") { try X509Certificates.publicKey(of: X509Certificates.parse(der: root)) }
  check(key == own, "accepted a signature of another key")
}
