/// What a client says before TLS begins (RFC 8446 §4.1.2): whom it wants to reach, and what it wants to speak there. Read
/// from the first bytes of a connection, which are anybody's. A value.
package struct ClientHello: Hashable, Sendable {
  /// In lower case; nil when the client names nobody (RFC 6066 §3).
  package var serverName: String?
  /// ALPN (RFC 7301), in the client's order.
  package var protocols: [String]

  package init(serverName: String? = nil, protocols: [String] = []) {
    self.serverName = serverName
    self.protocols = protocols
  }

  /// What the first bytes of a connection hold.
  package enum Reading: Hashable, Sendable {
    /// More is needed.
    case incomplete
    /// No ClientHello will come of this.
    case unusable
    case hello(ClientHello)
  }

  /// A hello that is larger is refused; those with post-quantum keys have about 2 kB.
  package static let maximumSize = 32 << 10

  /// Reads the first bytes of a connection.
  package static func read(_ bytes: [UInt8]) -> Reading {
    // The message may be cut into several records.
    var message: [UInt8] = []
    var records = ByteCursor(bytes[...])
    while true {
      if message.count >= 4 {
        let length = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
        guard message[0] == 1, length <= maximumSize else { return .unusable }
        if message.count >= 4 + length { return parse(message[4..<4 + length]) }
      }
      guard bytes.count <= maximumSize else { return .unusable }
      guard let type = records.byte() else { return .incomplete }
      guard type == 22 else { return .unusable }
      guard let major = records.byte() else { return .incomplete }
      guard major == 3 else { return .unusable }
      guard records.byte() != nil, let length = records.number(2) else { return .incomplete }
      guard length > 0, length <= 1 << 14 else { return .unusable }
      guard let content = records.take(length) else { return .incomplete }
      message += content
    }
  }

  private static func parse(_ body: ArraySlice<UInt8>) -> Reading {
    var cursor = ByteCursor(body)
    // Version and random, session, cipher suites, compression.
    guard cursor.take(34) != nil, cursor.vector(1) != nil, cursor.vector(2) != nil, cursor.vector(1) != nil else {
      return .unusable
    }
    var hello = ClientHello()
    if cursor.isAtEnd { return .hello(hello) }
    guard let list = cursor.vector(2), cursor.isAtEnd else { return .unusable }
    var extensions = ByteCursor(list)
    while !extensions.isAtEnd {
      guard let type = extensions.number(2), let content = extensions.vector(2) else { return .unusable }
      switch type {
      case 0:
        guard let name = serverName(content) else { return .unusable }
        hello.serverName = name
      case 16:
        guard let protocols = protocols(content) else { return .unusable }
        hello.protocols = protocols
      default: break
      }
    }
    return .hello(hello)
  }

  private static func serverName(_ content: ArraySlice<UInt8>) -> String? {
    var cursor = ByteCursor(content)
    guard let list = cursor.vector(2), cursor.isAtEnd else { return nil }
    var names = ByteCursor(list)
    guard let type = names.byte(), type == 0, let name = names.vector(2), names.isAtEnd, !name.isEmpty,
      name.count <= 255, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    return String(decoding: name, as: UTF8.self).lowercased()
  }

  private static func protocols(_ content: ArraySlice<UInt8>) -> [String]? {
    var cursor = ByteCursor(content)
    guard let list = cursor.vector(2), cursor.isAtEnd, !list.isEmpty else { return nil }
    var names = ByteCursor(list)
    var protocols: [String] = []
    while !names.isAtEnd {
      guard let name = names.vector(1), !name.isEmpty, protocols.count < 64 else { return nil }
      protocols.append(String(decoding: name, as: UTF8.self))
    }
    return protocols
  }
}

/// Reads numbers and vectors (RFC 8446 §3) from bytes. A value.
private struct ByteCursor {
  private var rest: ArraySlice<UInt8>
  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func byte() -> UInt8? { rest.popFirst() }

  mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func number(_ size: Int) -> Int? { take(size)?.reduce(0) { $0 << 8 | Int($1) } }

  /// Bytes behind their length, which takes `size` bytes.
  mutating func vector(_ size: Int) -> ArraySlice<UInt8>? {
    guard let count = number(size) else { return nil }
    return take(count)
  }
}
