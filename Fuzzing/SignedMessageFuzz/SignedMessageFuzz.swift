// No bytes give a content that the signer of the seeds did not sign, and none end the process.

import FoundationEssentials
import FuzzSupport
import SPIFFE

@testable import ServerPlugins

private let seed = Array(
  FileManager.default.contents(atPath: "Fuzzing/SignedMessageFuzz/corpus/attributes") ?? Data())
private let content = Array("{\n  \"region\" : \"us-east-1\"\n}".utf8)
private let key = mustSucceed("the seed has no key") {
  try X509Certificates.publicKey(of: X509Certificates.parse(der: SignedMessage(parsing: seed).signerCertificate()))
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSignedMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let der = try? BERNormalizer.der(of: bytes) {
    check(der.count <= 4 * bytes.count, "the output is longer than it may be")
    check((try? BERNormalizer.der(of: der)) == der, "what was written anew is not read as it is")
  }
  guard let message = try? SignedMessage(parsing: bytes) else { return 0 }
  _ = try? message.signerCertificate()
  if let verified = try? message.verified(with: key) {
    check(verified.bytes == content, "a content that nobody signed")
  }
  return 0
}
