// Messages of the node attestors: what is read, written and read again is the same; a number of the wrong length and a
// signature of nobody are never taken.

import FuzzSupport
import NodeProofs
import SPIFFE

private let keys: [PublicKey] = [
  // The base points of the curves: nobody's keys but everybody's.
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=="
].compactMap { text in
  (try? Base64.decode(text)).flatMap { try? PublicKey(pkix: $0) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNodeMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let payload = try? X509PoPMessages.Payload(bytes) {
    let again = mustSucceed("a payload") { try X509PoPMessages.Payload(payload.encoded) }
    check(again == payload, "a payload reads back as another")
    if let leaf = payload.certificates.first { _ = X509ChainVerifier.rsaKeySize(ofCertificate: leaf) }
  }
  if let challenge = try? X509PoPMessages.Challenge(bytes) {
    let again = mustSucceed("a challenge") { try X509PoPMessages.Challenge(challenge.encoded) }
    check(again == challenge, "a challenge reads back as another")
  }
  if let response = try? X509PoPMessages.Response(bytes) {
    let again = mustSucceed("a response") { try X509PoPMessages.Response(response.encoded) }
    check(again == response, "a response reads back as another")
    for key in keys {
      let challenge = X509PoPProof.challenge(for: key)
      check((try? X509PoPProof.verify(response, to: challenge, key: key)) == nil, "somebody knew the challenge")
    }
  }
  if let response = try? SSHPoPMessages.Response(bytes) {
    let again = mustSucceed("a response") { try SSHPoPMessages.Response(response.encoded) }
    check(again == response, "a response reads back as another")
  }
  if let payload = try? SSHPoPMessages.Payload(bytes) {
    check(mustSucceed("a payload") { try SSHPoPMessages.Payload(payload.encoded) } == payload, "another payload")
  }
  if let payload = try? HTTPChallengeMessages.Payload(bytes) {
    check(mustSucceed("a payload") { try HTTPChallengeMessages.Payload(payload.encoded) } == payload, "another payload")
    if HTTPChallengeMessages.isAgentName(payload.agentName) {
      let path = HTTPChallengeMessages.path(agent: payload.agentName)
      check(path.utf8.count { $0 == 0x2F } == 6, "a name with a slash")
    }
  }
  if let payload = try? TPMDevIDMessages.Payload(bytes) {
    check(mustSucceed("a payload") { try TPMDevIDMessages.Payload(payload.encoded) } == payload, "another payload")
  }
  if let challenge = try? TPMDevIDMessages.Challenge(bytes) {
    let again = mustSucceed("a challenge") { try TPMDevIDMessages.Challenge(challenge.encoded) }
    check(again == challenge, "a challenge reads back as another")
  }
  if let response = try? TPMDevIDMessages.Response(bytes) {
    check(mustSucceed("a response") { try TPMDevIDMessages.Response(response.encoded) } == response, "another response")
  }
  return 0
}
