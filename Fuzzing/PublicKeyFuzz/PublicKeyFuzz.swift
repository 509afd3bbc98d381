// Any bytes, as DER SubjectPublicKeyInfo or (when they begin with a brace) as a JWK, must give a key or an error, and a
// key must read back as itself from either form.

import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPublicKey(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if bytes.first == UInt8(ascii: "{") {
    guard let json = try? JSONValue(parsing: bytes).object, let jwk = try? JSONWebKey(json) else { return 0 }
    let written = jwk.json
    let again = mustSucceed("a written JWK does not parse") { try JSONWebKey(written) }
    check(again.json == written, "a JWK is not stable")
    check(again.key == jwk.key && again.certificates == jwk.certificates, "a JWK reads back as another one")
    for algorithm in JWSAlgorithm.allCases where jwk.permitsVerification(with: algorithm) {
      check(algorithm.fits(jwk.key.keyType), "permits an algorithm of another key type")
    }
    read(jwk.key)
  } else if let key = try? PublicKey(pkix: bytes) {
    check(key.pkix == bytes, "a key is written in other bytes than it was read from")
    read(key)
  }
  return 0
}

private func read(_ key: PublicKey) {
  check(mustSucceed("PKIX") { try PublicKey(pkix: key.pkix) } == key, "a key reads back as another one")
  let jwk = mustSucceed("JWK") { try JSONWebKey(key.jwk.json) }
  check(jwk.key == key, "a key reads back from its JWK as another one")
  check(key.subjectKeyIdentifier.count == 20, "the key identifier is not a SHA-1 digest")
  for algorithm in JWSAlgorithm.allCases {
    // Neither an empty nor a short signature may be good, whatever the key.
    for signature in [[], [1], key.subjectPublicKey] {
      check(!key.isValidSignature(signature, for: key.pkix, algorithm: algorithm), "accepted a made-up signature")
    }
  }
  for digest in [DigestAlgorithm.sha256, .sha384, .sha512] {
    for signature in [[], [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00], key.subjectPublicKey] {
      check(!key.isValidX509Signature(signature, for: key.pkix, digest: digest), "accepted a made-up signature")
    }
  }
}
