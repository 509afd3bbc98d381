// Any bytes must give a bundle or an error in both readings, and a bundle that is written must read back as itself.

import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBundleDocument(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let strict = read(bytes, .strict)
  let standard = read(bytes, .standard)
  if let strict {
    let entries = (try? JSONValue(parsing: bytes))?["keys"]?.array ?? []
    let named = entries.filter { $0["use"]?.string == "jwt-svid" }.compactMap { $0["kid"]?.string }
    check(Set(named.map { Array($0.utf8) }).count == strict.jwtAuthorities.count, "a JWT authority was lost")
  }
  if let strict, let standard {
    check(strict.x509Authorities == standard.x509Authorities, "the readings find different X.509 authorities")
    check(strict.jwtAuthorities == standard.jwtAuthorities, "the readings find different JWT authorities")
  }
  var ignored = 0
  let counting = try? BundleDocument.decode(
    bytes, trustDomain: domain, reading: .standard, ignoring: { _ in ignored += 1 })
  if counting != nil {
    let entries = (try? JSONValue(parsing: bytes))?["keys"]?.array?.count ?? 0
    check(ignored <= entries && (strict == nil || ignored == 0), "an entry that is known was ignored")
  }
  return 0
}

private let domain = mustSucceed("trust domain") { try TrustDomain("example.org") }

private func read(_ bytes: [UInt8], _ reading: BundleDocument.Reading) -> Bundle? {
  guard let bundle = try? BundleDocument.decode(bytes, trustDomain: domain, reading: reading) else { return nil }
  check(bundle.trustDomain == domain, "the document changed the trust domain")
  let keyIDs = bundle.jwtAuthorities.map { Array($0.keyID.utf8) }
  check(Set(keyIDs).count == keyIDs.count && !keyIDs.contains([]), "key IDs are empty or not unique")
  check(Set(bundle.x509Authorities.map(\.der)).count == bundle.x509Authorities.count, "an authority is there twice")

  let text = mustSucceed("a bundle that was read cannot be written") { try BundleDocument.encode(bundle) }
  // Written with indentation, the largest documents are larger than what is read.
  guard text.utf8.count <= BundleDocument.maximumSize else { return bundle }
  var again = mustSucceed("a written bundle does not parse") {
    try BundleDocument.decode(text, trustDomain: domain, reading: reading)
  }
  // WIT keys are not part of what is written.
  again.witAuthorities = bundle.witAuthorities
  check(again == bundle, "a bundle reads back as another one")

  _ = JWTKeySet([bundle])
  let keys = mustSucceed("JWKS") { try BundleDocument.encodeJWKS(jwtAuthorities: bundle.jwtAuthorities) }
  let list = mustSucceed("JWKS") { try JSONValue(parsing: keys) }
  check(list["keys"]?.array?.count == bundle.jwtAuthorities.count, "the JWKS has another number of keys")
  return bundle
}
