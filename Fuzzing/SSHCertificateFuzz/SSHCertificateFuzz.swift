// A certificate of SSH that is read has what it says: a key in its one form, an authority in its one form, and signed
// bytes that begin it. A line or a private key that is read gives back what it is.

import FuzzSupport
import NodeProofs
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSSHCertificate(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let text = String(decoding: bytes, as: UTF8.self)
  for wire in [bytes] + ((try? AuthorizedKeyLine.wire(text)).map { [$0] } ?? []) {
    if let key = try? SSHPublicKey(wire: wire) {
      check(key.wire == wire, "a key has two forms")
      check(!key.type.contains("cert"), "a certificate is a key")
    }
    guard let certificate = try? SSHCertificate(wire: wire) else { continue }
    check(certificate.wire == wire, "the certificate reads back as another")
    check(wire.starts(with: certificate.signedBytes), "the signed bytes are not the certificate's")
    check(certificate.signedBytes.count < wire.count, "the signature is signed")
    let again = mustSucceed("the key is none") { try SSHPublicKey(wire: certificate.key.wire) }
    check(again == certificate.key, "the key reads back as another")
    check(certificate.fingerprint.utf8.allSatisfy { $0 != 0x2F && $0 != 0x2B }, "a fingerprint that is no path segment")
    let names = certificate.criticalOptions.map(\.name)
    check(Set(names).count == names.count, "an option twice")
    _ = try? certificate.authority.verify(certificate.signature, for: certificate.signedBytes)
  }
  if let key = try? ProofKey(sshPEM: text) {
    _ = mustSucceed("the public half is none") { try SSHPublicKey(wire: key.sshPublicKey) }
  }
  return 0
}
