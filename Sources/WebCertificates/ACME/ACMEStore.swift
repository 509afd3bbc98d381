import Daemon
package import Keys
import SPIFFE
import Synchronization

/// Where the account's key, the certificates and their keys stay between two starts.
///
/// In a folder, with the names and forms of Go's `autocert` cache: `acme_account+key`, and for each name a file of that
/// name with the key and the chain, PEM. With a key manager the keys stay there and the files hold the chain alone. Without
/// a folder all is forgotten at the end. A mutex guards the keys that are not in a file yet.
package final class ACMEStore: Sendable {
  static let accountName = "acme_account+key"
  private static let maximumSize = 1 << 20

  private let folder: String?
  private let keyManager: (any KeyManager)?
  private let prefix: String
  private let fresh = Mutex<[String: SoftwareKey]>([:])

  /// - Parameters:
  ///   - keyManager: keeps the keys, under `prefix` and their names.
  package init(folder: String?, keyManager: (any KeyManager)? = nil, prefix: String = "") {
    self.folder = folder
    self.keyManager = keyManager
    self.prefix = prefix
  }

  /// The key of this name; made when there is none.
  func key(_ name: String) async throws(ACMEError) -> any ManagedKey {
    do {
      if let keyManager {
        if let key = try await keyManager.key(id: prefix + name), key.type == .ecP256 { return key }
        return try await keyManager.generateKey(id: prefix + name, type: .ecP256)
      }
      if let key = fresh.withLock({ $0[name] }) { return key }
      if let key = try await storedKey(name) { return key }
      let key = try SoftwareKey(generating: .ecP256, id: name)
      fresh.withLock { $0[name] = key }
      if name == Self.accountName { try await write(PEM.encode(key.pkcs8, type: "PRIVATE KEY"), name) }
      return key
    } catch { throw Self.failure(name, error) }
  }

  /// The chain that was saved for `domain`, PEM; nil when there is none.
  func chain(_ domain: String) async throws(ACMEError) -> [UInt8]? {
    do { return try await read(domain) } catch { throw Self.failure(domain, error) }
  }

  /// Keeps a chain, and its key where no key manager does.
  func save(_ chain: ACMEChain, of domain: String, key: any ManagedKey) async throws(ACMEError) {
    do {
      var text = ""
      if keyManager == nil, let key = key as? SoftwareKey { text = PEM.encode(key.pkcs8, type: "PRIVATE KEY") }
      for certificate in chain.certificates { text += PEM.encode(certificate, type: "CERTIFICATE") }
      try await write(text, domain)
    } catch { throw Self.failure(domain, error) }
  }

  // MARK: Files

  private struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  private func storedKey(_ name: String) async throws -> SoftwareKey? {
    guard let bytes = try await read(name) else { return nil }
    do {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Unusable(description: "it is not PEM text")
      }
      guard let block = try PEM.decode(text).first(where: { $0.type.hasSuffix("PRIVATE KEY") }) else { return nil }
      let key = try SoftwareKey(pkcs8: block.der, id: name)
      // An RSA key of another program: a new one takes its place.
      return key.type == .ecP256 ? key : nil
    } catch {
      // An account is not given up without a word; a certificate's key is made anew with the certificate.
      if name == Self.accountName { throw error }
      return nil
    }
  }

  private func path(_ name: String) throws -> String? {
    guard let folder else { return nil }
    guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(UInt8(ascii: "/")) else {
      throw Unusable(description: "it is no name for a file")
    }
    return folder + "/" + name
  }

  private func read(_ name: String) async throws -> [UInt8]? {
    guard let path = try path(name) else { return nil }
    return try await BackgroundWork.run { try BoundedFile.read(path, limit: Self.maximumSize) }
  }

  private func write(_ text: String, _ name: String) async throws {
    guard let folder, let path = try path(name) else { return }
    try await BackgroundWork.run {
      try Folder.make(folder, mode: 0o700)
      try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600)
    }
  }

  private static func failure(_ name: String, _ error: any Error) -> ACMEError {
    ACMEError(.storage, "ACME cache entry \(GoText.quote(name)): \(error)", cause: error)
  }
}
