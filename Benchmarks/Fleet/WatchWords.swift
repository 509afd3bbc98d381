import NIOCore

/// As much of `swiftspire.server.watch.v1.Watch` as a simulated agent speaks: it takes everything anew at the beginning and
/// confirms what it got. In bytes, so that the fleet also runs against servers without it.
enum WatchWords {
  static let method = "/swiftspire.server.watch.v1.Watch/WatchAuthorizedEntries"
  /// `begin {}`: the agent has nothing.
  static let begin: [UInt8] = [0x0A, 0]

  /// What an agent says to a message: `list {}` to a state, `applied {revision}` to changes and listings.
  static func answer(to message: ByteBuffer) -> [UInt8]? {
    let bytes = message.readableBytesView
    var index = bytes.startIndex
    func varint() -> UInt64? {
      var (value, shift) = (UInt64(0), UInt64(0))
      while index < bytes.endIndex, shift < 64 {
        let byte = bytes[index]
        index += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    guard let step = varint(), varint() != nil else { return nil }
    if step == 0x1A { return [0x22, 0] }
    // Changes and listings begin with their revision.
    guard step == 0x12 || step == 0x22, varint() == 0x08, let revision = varint() else { return nil }
    var applied: [UInt8] = [0x08]
    var rest = revision
    while rest > 0x7F {
      applied.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    applied.append(UInt8(rest))
    return [0x12, UInt8(applied.count)] + applied
  }
}
