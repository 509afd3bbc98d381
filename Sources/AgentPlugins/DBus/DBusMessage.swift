/// A message that came over D-Bus, its header taken apart (D-Bus specification, "Message Format"). A value; parsing is
/// total on any bytes.
struct DBusMessage: Hashable, Sendable {
  enum Kind: UInt8, Sendable {
    case call = 1
    case answer = 2
    case error = 3
    case signal = 4
  }

  /// The largest message that is taken, in bytes; what is asked for has some hundred.
  static let maximumSize = 64 << 10
  /// The part of a message that says how long it is.
  static let prefixSize = 16

  /// nil for a kind that is not known and must be passed over.
  let kind: Kind?
  let replySerial: UInt32?
  let errorName: String
  let signature: String
  private let body: [UInt8]
  private let isBigEndian: Bool

  /// The length of the message that begins with these ``prefixSize`` bytes.
  static func size(_ prefix: [UInt8]) throws(DBusError) -> Int {
    guard prefix.count >= prefixSize else { throw .malformed("it ends too early") }
    let isBigEndian = try Self.isBigEndian(prefix[0])
    guard prefix[3] == 1 else { throw .malformed("version \(prefix[3]) of the protocol") }
    var reader = DBusReader(prefix[4...], isBigEndian: isBigEndian)
    let body = Int(try reader.uint32())
    _ = try reader.uint32()
    let fields = Int(try reader.uint32())
    let size = prefixSize + (fields + 7) / 8 * 8 + body
    guard size <= maximumSize else { throw .malformed("a message of \(size) bytes") }
    return size
  }

  /// - Parameter bytes: the whole message, as long as ``size(_:)`` says.
  init(parsing bytes: [UInt8]) throws(DBusError) {
    guard try Self.size(bytes) == bytes.count else { throw .malformed("its length is not what it says") }
    isBigEndian = try Self.isBigEndian(bytes[0])
    kind = Kind(rawValue: bytes[1])
    var lengths = DBusReader(bytes[4...], isBigEndian: isBigEndian)
    let bodySize = Int(try lengths.uint32())
    guard try lengths.uint32() != 0 else { throw .malformed("serial 0") }
    let end = Self.prefixSize + Int(try lengths.uint32())
    var reader = DBusReader(bytes[Self.prefixSize..<end], isBigEndian: isBigEndian)
    var replySerial: UInt32?
    var (errorName, signature) = ("", "")
    while !reader.isAtEnd {
      try reader.align(8)
      let code = try reader.byte()
      let type = try reader.signature()
      switch (code, type) {
      case (4, "s"): errorName = try reader.string()
      case (5, "u"): replySerial = try reader.uint32()
      case (8, "g"): signature = try reader.signature()
      case (4, _), (5, _), (8, _): throw .malformed("header field \(code) of type \(type)")
      default: try reader.skip(type)
      }
    }
    (self.replySerial, self.errorName, self.signature) = (replySerial, errorName, signature)
    body = Array(bytes.suffix(bodySize))
  }

  private static func isBigEndian(_ byte: UInt8) throws(DBusError) -> Bool {
    switch byte {
    case UInt8(ascii: "l"): return false
    case UInt8(ascii: "B"): return true
    default: throw .malformed("unknown byte order")
    }
  }

  /// The only value of the body: a string or an object path, or one in a variant.
  func text() throws(DBusError) -> String {
    var reader = DBusReader(body[...], isBigEndian: isBigEndian)
    switch signature {
    case "s", "o": return try reader.string()
    case "v": return try reader.stringVariant()
    default: throw .malformed("an answer of type \"\(signature)\", not a text")
    }
  }

  /// What an error says beside its name, on one line; empty when it says nothing.
  var errorText: String {
    guard signature.hasPrefix("s") else { return "" }
    var reader = DBusReader(body[...], isBigEndian: isBigEndian)
    let text = (try? reader.string()) ?? ""
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(512).map { $0.value < 0x20 ? " " : $0 }))
  }
}
