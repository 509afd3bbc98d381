// Whatever is taken out of an answer of Vault has its form: a usable key, a token with an end, a signature that is not
// empty, a chain for the key that was asked for. What a refusal says stays on one line of a log.

import FoundationEssentials
import FuzzSupport
import HTTP
import SPIFFE

@testable import ServerPlugins

private let request = try? VaultSigningRequest(
  csr: Array(FileManager.default.contents(atPath: "Fuzzing/CSRFuzz/corpus/p256.der") ?? Data()), ttl: .zero)
private let now = Date(timeIntervalSince1970: 1_795_291_845)

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzVaultAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let refusal = VaultAnswer.failure(HTTPAnswer(status: 400, body: bytes), "r").message
  check(refusal.utf8.allSatisfy { $0 >= 0x20 }, "a refusal with control characters")
  guard let answer = try? VaultAnswer(HTTPAnswer(status: 200, body: bytes), to: "r") else { return 0 }
  if let lease = try? answer.lease("r") {
    check(!lease.token.isEmpty && lease.duration >= 0, "a token without text, or with an end in the past")
  }
  guard let data = try? answer.data("r") else { return 0 }
  if let key = try? TransitEngine.description("k", data).publicKey {
    check(mustSucceed("the key is none") { try PublicKey(pkix: key.pkix) } == key, "the key reads back as another")
  }
  if let signature = try? TransitEngine.signature(data) { check(!signature.isEmpty, "an empty signature") }
  if let request, let signed = try? VaultSignedCA(data, for: request, at: now) {
    check(!signed.chain.isEmpty && !signed.chain.contains(signed.root), "no chain, or one with its root")
    let key = mustSucceed("a certificate is none") {
      try X509Certificates.publicKey(of: X509Certificates.parse(der: signed.chain[0]))
    }
    check(key == request.publicKey, "a certificate for another key")
  }
  return 0
}
