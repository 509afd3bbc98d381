// Any text must give a token or an error, and no token may be valid whose header and claims the authority did not sign:
// it signs nothing here, so none is valid. Input that begins with a brace is a header and claims, one after the other,
// that are made into a token: mutations of base64url seldom lead to new JSON.

import FoundationEssentials
import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWIT(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if bytes.first == UInt8(ascii: "{"), let end = bytes.firstIndex(of: 0x0A) {
    let header = Base64.encodeURL(bytes[..<end])
    let claims = Base64.encodeURL(bytes[(end + 1)...])
    read("\(header).\(claims).\(Base64.encodeURL([UInt8](repeating: 1, count: 64)))")
  } else {
    read(String(decoding: bytes, as: UTF8.self))
  }
  return 0
}

/// The authority: the public key of the JWK in RFC 7517 §A.1, of which nobody here has the private half.
private let authority: PublicKey = mustSucceed("authority") {
  try JSONWebKey([
    "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
  ]).key
}
private let now = Date(timeIntervalSince1970: 1_795_292_000)

private func read(_ text: String) {
  check(
    (try? WITSVIDValidator.validate(token: text, now: now, keys: { _, _ in .found(authority) })) == nil,
    "accepted a token that the authority did not sign")
  guard let svid = try? WITSVIDValidator.parseUnverified(text) else { return }
  check(svid.token.utf8.elementsEqual(text.utf8), "another token than was given")
  check(svid.claims["sub"]?.string == svid.id.description, "the ID is not the subject")
  check(!svid.keyID.isEmpty, "no key ID")
  check(svid.claims["aud"] == nil, "an audience")
  check(svid.confirmationAlgorithm.fits(svid.confirmationKey.keyType), "a key that cannot sign as it says")
  check(
    (try? JWTSVIDValidator.validate(
      token: text, audience: [], now: now, keys: { _, _ in .found(authority) })) == nil, "also a JWT-SVID")
  let claims = WITSVIDEncoder.claims(
    subject: svid.id, confirmationKey: svid.confirmationKey, algorithm: svid.confirmationAlgorithm,
    expiresAt: svid.claims["exp"]?.integer ?? 0)
  let input = JWTSVIDEncoder.signingInput(
    algorithm: svid.algorithm, keyID: svid.keyID, type: WITSVIDEncoder.type, claims: claims)
  let written = JWTSVIDEncoder.token(signingInput: input, signature: [1])
  guard written.utf8.count <= CompactJWS.maximumSize else { return }
  let again = mustSucceed("a written token does not parse") { try WITSVIDValidator.parseUnverified(written) }
  check(again.id == svid.id && again.algorithm == svid.algorithm && again.expiry == svid.expiry, "another token")
  check(again.keyID.utf8.elementsEqual(svid.keyID.utf8), "another key ID")
  check(again.confirmationKey == svid.confirmationKey, "another key")
}
