// Structures of a TPM: what is read is what was there, a key that is read is usable, and nobody can certify a key for an
// attestation key that is not theirs, nor be given a credential of another form.

import FuzzSupport
import NodeProofs
import SPIFFE

/// An attestation key whose private half nobody has: its modulus is no product that anybody chose.
private let attestationKey: TPMPublic = {
  let head: [UInt8] = [
    0x00, 0x01, 0x00, 0x0B, 0x00, 0x05, 0x04, 0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x14, 0x00, 0x0B, 0x08, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x01, 0x00,
  ]
  return mustSucceed("a key") { try TPMPublic(head + [UInt8](repeating: 0xC9, count: 256)) }
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTPM(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let area = try? TPMPublic(bytes) {
    check(area.encoded == bytes, "a public area reads back as another")
    check((try? TPMPublic(bytes + [0])) == nil, "something stands behind it")
    if let name = try? area.name() { check([34, 50, 66].contains(name.count), "a name of \(name.count) bytes") }
    if let key = try? area.key() {
      check(area.isRSA == (key.subjectPublicKey.first == 0x30), "a key of another kind")
      check((try? PublicKey(pkix: key.pkix)) == key, "a key reads back as another")
    }
    let credential = try? TPMCredential(of: [1, 2, 3], for: [0, 0x0B], endorsementKey: area) {
      [UInt8](repeating: 0x55, count: $0)
    }
    if let credential, let size = try? area.nameHash().size {
      check(credential.object.count == 2 + size + 2 + 3, "a credential of another size")
      check(credential.secret.count <= 512, "a secret of another size")
    }
  }
  if let attestation = try? TPMAttestation(bytes) {
    check((try? TPMAttestation(bytes + [0])) == nil, "something stands behind it")
    check(attestation.name.count <= 68 && attestation.qualifiedName.count <= 68, "a long name")
  }
  if let signature = try? TPMSignature(bytes) {
    check((try? TPMSignature(bytes + [0])) == nil, "something stands behind it")
    if let key = try? attestationKey.key() { check(!signature.isValid(for: [1], key: key), "somebody has the key") }
  }
  // The first byte says how the rest is cut into a key, an attestation and a signature.
  if bytes.count > 3, let area = try? TPMPublic(Array(bytes.dropFirst(3).prefix(Int(bytes[0])))) {
    let rest = bytes.dropFirst(3 + Int(bytes[0]))
    let certified = try? TPMCertification(
      of: area, attestation: Array(rest.prefix(Int(bytes[1]))), signature: Array(rest.dropFirst(Int(bytes[1]))),
      by: attestationKey)
    check(certified == nil, "somebody certified a key")
  }
  return 0
}
