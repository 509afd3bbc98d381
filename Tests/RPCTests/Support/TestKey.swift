import Crypto

/// A private key that is only asked to sign.
struct TestKey: Sendable {
  private let key: P256.Signing.PrivateKey

  init(der: [UInt8]) throws { key = try P256.Signing.PrivateKey(derRepresentation: der) }

  func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message).derRepresentation) }
}
