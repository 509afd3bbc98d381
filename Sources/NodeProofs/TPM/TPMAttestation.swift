/// What TPM2_Certify says about an object (TPMS_ATTEST with TPMS_CERTIFY_INFO, Part 2 §10.12): a key of this name was
/// loaded in the TPM. It counts once the signature of a restricted key over these bytes was checked.
package struct TPMAttestation: Equatable, Sendable {
  /// A restricted key signs no bytes of others that begin so (TPM_GENERATED_VALUE).
  private static let magic: UInt32 = 0xFF54_4347
  private static let certify: UInt16 = 0x8017

  package let qualifiedSigner: [UInt8]
  /// What the caller of the TPM wanted to see in the structure.
  package let extraData: [UInt8]
  package let clock: UInt64
  package let resetCount: UInt32
  package let restartCount: UInt32
  package let isClockSafe: Bool
  package let firmwareVersion: UInt64
  /// The certified object's.
  package let name: [UInt8]
  package let qualifiedName: [UInt8]

  /// Reads a structure without a length before it; nothing may follow.
  package init(_ bytes: [UInt8]) throws(NodeProofError) {
    var reader = TPMReader(bytes)
    let magic = try reader.number32()
    guard magic == Self.magic else { throw NodeProofError("incorrect magic value: \(String(magic, radix: 16))") }
    guard try reader.number16() == Self.certify else { throw NodeProofError("missing certify info") }
    qualifiedSigner = try reader.sized("a name", atMost: 68)
    extraData = try reader.sized("the extra data", atMost: 66)
    clock = try reader.number64()
    resetCount = try reader.number32()
    restartCount = try reader.number32()
    let safe = try reader.number8()
    guard safe <= 1 else { throw NodeProofError("tpm: a yes or no is \(safe)") }
    isClockSafe = safe == 1
    firmwareVersion = try reader.number64()
    name = try reader.sized("a name", atMost: 68)
    qualifiedName = try reader.sized("a name", atMost: 68)
    try reader.finish()
  }
}
