import Daemon
import HCL
import Keys

/// What a key manager outside of this host knows its server by: a fixed text, or a UUID in a file that is made at the
/// first start (server-plugins §2). A value.
enum KeyIdentifier: Hashable, Sendable {
  case file(path: String)
  case value(String)

  /// Reads `key_identifier_file` and `key_identifier_value`.
  init(_ root: inout HCLSection) throws(VaultError) {
    let file = root.string("key_identifier_file") ?? ""
    let value = root.string("key_identifier_value") ?? ""
    switch (file.isEmpty, value.isEmpty) {
    case (true, true):
      throw VaultError(.configuration, "one of 'key_identifier_file' or 'key_identifier_value' must be provided")
    case (false, false):
      throw VaultError(.configuration, "only one of 'key_identifier_file' or 'key_identifier_value' must be provided")
    case (false, true): self = .file(path: file)
    case (true, false):
      guard TransitKeyName.isUsable(value) else {
        throw VaultError(
          .configuration,
          "key_identifier_value \(GoText.quote(String(value.prefix(200)))): at most 128 letters, digits, '-', '_' and "
            + "'.', and no '.' at its ends")
      }
      self = .value(value)
    }
  }

  /// The identifier; the file is made, for its owner only, where it is not there. It blocks.
  func resolved() throws(VaultError) -> String {
    switch self {
    case .value(let text): return text
    case .file(let path):
      do {
        if let bytes = try BoundedFile.read(path, limit: 4096) {
          let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
          guard TransitKeyName.isUUID(text) else {
            throw VaultError(
              .configuration,
              "key_identifier_file \(path): it does not hold a UUID; restore it, or the server cannot find its keys")
          }
          return text
        }
        let text = RandomUUID.text()
        try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600)
        return text
      } catch let error as VaultError {
        throw error
      } catch {
        throw VaultError(.configuration, "key_identifier_file: \(error)", cause: error)
      }
    }
  }
}
