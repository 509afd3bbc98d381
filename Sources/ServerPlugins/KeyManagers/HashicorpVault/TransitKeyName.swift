/// The name of a key of ours in a transit engine: `<server id>-<uuid>-<key id>` (server-plugins §2.4). A value.
struct TransitKeyName: Hashable, Sendable, CustomStringConvertible {
  private static let uuidLength = 36

  let server: String
  /// Tells the keys apart that had one id, one after the other.
  let uuid: String
  let id: String

  init(server: String, uuid: String, id: String) {
    self.server = server
    self.uuid = uuid
    self.id = id
  }

  /// The parts of a name, if it is one of `server`.
  init?(_ name: String, of server: String) {
    guard name.hasPrefix(server + "-") else { return nil }
    let rest = name.dropFirst(server.count + 1)
    let uuid = rest.prefix(Self.uuidLength)
    let after = rest.dropFirst(Self.uuidLength)
    // The uuid is what tells `a` and `a-b` apart.
    guard Self.isUUID(uuid), after.first == "-", after.count > 1 else { return nil }
    self.init(server: server, uuid: String(uuid), id: String(after.dropFirst()))
  }

  var description: String { "\(server)-\(uuid)-\(id)" }

  /// Whether `text` is a UUID in its usual form, of whatever case.
  static func isUUID(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == uuidLength else { return false }
    return bytes.enumerated().allSatisfy { index, byte in
      switch index {
      case 8, 13, 18, 23: byte == UInt8(ascii: "-")
      default: Character(UnicodeScalar(byte)).isHexDigit
      }
    }
  }

  /// Whether a text can stand in a name of Vault's, and so in a path.
  static func isUsable(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      } && text.utf8.first != UInt8(ascii: ".") && text.utf8.last != UInt8(ascii: ".")
  }
}
