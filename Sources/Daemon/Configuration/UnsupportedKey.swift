package import HCL

/// A key that upstream knows and this version does not act on: one row of a program's `UnsupportedKeys` table.
///
/// docs/compatibility.md lists the same rows; a test compares the two.
package struct UnsupportedKey: Hashable, Sendable {
  package enum Handling: Sendable {
    /// Leaving it out would change which CA signs, who is attested, who may call, what a credential contains or how a
    /// connection is protected: the program does not start.
    case refused
    /// The program starts, and one warning names all such keys.
    case ignored
  }

  /// The key's path, `server.federation`.
  package let key: String
  package let handling: Handling
  /// What is different without it.
  package let reason: String
  /// Values that ask for nothing, beside false, 0 and empty ones.
  private let inert: [String]

  private init(_ key: String, _ handling: Handling, _ reason: String, inert: [String]) {
    self.key = key
    self.handling = handling
    self.reason = reason
    self.inert = inert
  }

  package static func refused(_ key: String, _ reason: String, inert: [String] = []) -> UnsupportedKey {
    UnsupportedKey(key, .refused, reason, inert: inert)
  }

  package static func ignored(_ key: String, _ reason: String) -> UnsupportedKey {
    UnsupportedKey(key, .ignored, reason, inert: [])
  }

  /// The text that refuses a start.
  package var message: String {
    "\(key) is not supported by this version: \(reason); remove it if that is what you want"
  }

  /// Looks for the rows' keys in `document`: refused ones are problems, ignored ones share a warning.
  package static func check(
    _ rows: [UnsupportedKey], in document: HCLDocument, checks: inout ConfigurationChecks
  ) {
    let root = HCLDecoding(document).root
    var ignored: [String] = []
    for row in rows {
      let path = row.key.split(separator: ".").map(String.init)
      guard let position = root.positionOfValue(at: path, inert: row.inert) else { continue }
      switch row.handling {
      case .refused: checks.fail(row.message, key: row.key, code: .unsupported, at: position)
      case .ignored: ignored.append(row.key)
      }
    }
    if !ignored.isEmpty {
      checks.warn(
        "Configuration keys have no effect in this version", fields: ["keys": ignored.joined(separator: ",")])
    }
  }
}
