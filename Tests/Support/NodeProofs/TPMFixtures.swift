import Foundation
import Synchronization

/// The files of `Fixtures/tpm`: what swtpm and tpm2-tools said.
package enum TPMFixtures {
  /// A key of a TPM, and what the TPM says about it.
  package struct Structures: Sendable {
    package let key: String
    package let publicArea: [UInt8]
    package let name: [UInt8]
    package let attestation: [UInt8]
    package let signature: [UInt8]
  }

  /// What tpm2_makecredential made, and the random numbers that it took.
  package struct Credential: Sendable {
    package let endorsementKey: [UInt8]
    package let name: [UInt8]
    package let content: [UInt8]
    package let seed: [UInt8]
    package let paddingSeed: [UInt8]
    package let object: [UInt8]
    package let secret: [UInt8]
  }

  package static func structures() throws -> [Structures] {
    try rows("structures.txt").map { row in
      Structures(
        key: row[0], publicArea: hex(row[1]), name: hex(row[2]), attestation: hex(row[3]), signature: hex(row[4]))
    }
  }

  package static func structures(_ key: String) throws -> Structures {
    guard let found = try structures().first(where: { $0.key == key }) else { throw Missing() }
    return found
  }

  package static func credentials() throws -> [Credential] {
    try rows("credentials.txt").map { row in
      let fields = row.map(hex)
      return Credential(
        endorsementKey: fields[0], name: fields[1], content: fields[2], seed: fields[3], paddingSeed: fields[4],
        object: fields[5], secret: fields[6])
    }
  }

  /// The endorsement key of the recorded TPM: its public area and the DER of its certificate.
  package static func endorsement() throws -> (publicArea: [UInt8], certificate: [UInt8]) {
    let row = try rows("ek.txt")[0].map(hex)
    return (row[0], row[1])
  }

  /// The random numbers of the recorded challenge: 0, 1, 2 and so on.
  package static func numbers() -> @Sendable (Int) -> [UInt8] {
    let next = Counter()
    return { count in
      next.value.withLock { value in
        defer { value &+= UInt8(truncatingIfNeeded: count) }
        return (0..<count).map { value &+ UInt8(truncatingIfNeeded: $0) }
      }
    }
  }

  private final class Counter: Sendable { let value = Mutex<UInt8>(0) }

  private static func rows(_ name: String) throws -> [[String]] {
    try NodeProofFixtures.text("tpm/" + name).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: " ").map(String.init) }
  }

  private static func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.map { UInt8($0 < 0x3A ? $0 - 0x30 : $0 - 0x57) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private struct Missing: Error {}
}
