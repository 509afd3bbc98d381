// Any text must give a token or an error, and no token may be valid whose header and claims the recorded authority did
// not sign. Input that begins with a brace is a header and claims, one after the other, that are made into a token here:
// mutations of base64url seldom lead to new JSON.

import FoundationEssentials
import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJWT(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  check(recordedIsValid, "the recorded token is refused, so the checks below are worth nothing")
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

private let token = recorded("jwt-svid.txt").filter { !$0.isNewline }
private let signedPart = token.utf8.prefix(upTo: token.utf8.lastIndex(of: UInt8(ascii: ".")) ?? token.utf8.endIndex)
private let now = Date(timeIntervalSince1970: 1_795_292_000)
private let keys = JWTKeySet([recordedBundle()])

/// The bundle in the recording of `spire-server bundle show -format spiffe`.
private func recordedBundle() -> Bundle {
  let output = Array(recorded("cli/server_bundle_show_-format_spiffe.txt").utf8)
  let start = output.firstIndex(of: UInt8(ascii: "{")) ?? 0
  let end = output.lastIndex(of: UInt8(ascii: "}")) ?? 0
  return mustSucceed("recorded bundle") {
    try BundleDocument.decode(Array(output[start...end]), trustDomain: TrustDomain("example.org"))
  }
}

private let recordedIsValid = isValid(token)

private func isValid(_ text: String) -> Bool {
  [JWTSVIDValidator.Options(), .agent].contains { options in
    (try? JWTSVIDValidator.validate(token: text, audience: ["db"], now: now, options: options, keys: keys)) != nil
  }
}

private func read(_ text: String) {
  if isValid(text) {
    let part = text.utf8.prefix(upTo: text.utf8.lastIndex(of: UInt8(ascii: ".")) ?? text.utf8.endIndex)
    check(part.elementsEqual(signedPart), "accepted a token that the authority did not sign")
  }
  guard let svid = try? JWTSVIDValidator.parseUnverified(text) else { return }
  check(svid.token.utf8.elementsEqual(text.utf8), "another token than was given")
  check(svid.claims["sub"]?.string == svid.id.description, "the ID is not the subject")
  check(!svid.keyID.isEmpty, "no key ID")
  let input = JWTSVIDEncoder.signingInput(algorithm: svid.algorithm, keyID: svid.keyID, claims: svid.claims)
  let written = JWTSVIDEncoder.token(signingInput: input, signature: [1])
  guard written.utf8.count <= CompactJWS.maximumSize else { return }
  let again = mustSucceed("a written token does not parse") { try JWTSVIDValidator.parseUnverified(written) }
  check(again.id == svid.id && again.algorithm == svid.algorithm, "a token reads back as another one")
  check(again.keyID.utf8.elementsEqual(svid.keyID.utf8) && again.audience == svid.audience, "other names")
  check(again.expiry == svid.expiry && again.notBefore == svid.notBefore && again.issuedAt == svid.issuedAt, "times")
}
