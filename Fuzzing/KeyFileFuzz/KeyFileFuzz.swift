// Any bytes must give the keys of a key file or an error, and keys that are written must read back as themselves. Input
// that does not begin with a brace is one key in DER. The names @P256 and @P384 stand for the base64 of two keys that
// everybody can compute, so that no private key is kept among the seeds.

import Crypto
import FoundationEssentials
import FuzzSupport
import SPIFFE

@testable import Keys

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKeyFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let text: [UInt8]
  if bytes.first == UInt8(ascii: "{") {
    text = expanded(bytes)
  } else {
    text = Array(#"{"keys":{"a":"\#(Base64.encode(bytes))"}}"#.utf8)
  }
  guard let keys = try? KeyFile.decode(text) else { return 0 }
  let written = KeyFile.encode(keys)
  let again = mustSucceed("a written key file does not parse") { try KeyFile.decode(written) }
  check(KeyFile.encode(again) == written, "a key file is not stable")
  for (id, key) in keys {
    check(key.id == id && again[id]?.publicKey == key.publicKey && again[id]?.type == key.type, "another key")
    check(mustSucceed("PKIX") { try PublicKey(pkix: key.publicKey.pkix) } == key.publicKey, "another public key")
  }
  return 0
}

private let one = [UInt8](repeating: 0, count: 47) + [1]
private let p256 = mustSucceed("P-256") { try P256.Signing.PrivateKey(rawRepresentation: one.suffix(32)) }
private let p384 = mustSucceed("P-384") { try P384.Signing.PrivateKey(rawRepresentation: one) }

private func expanded(_ bytes: [UInt8]) -> [UInt8] {
  bytes.replacing(Array("@P256".utf8), with: Array(p256.derRepresentation.base64EncodedString().utf8))
    .replacing(Array("@P384".utf8), with: Array(p384.derRepresentation.base64EncodedString().utf8))
}
