/// One call of a connection: what has arrived of its answer.
struct Call {
  /// Bytes of DATA frames that do not make a whole message yet.
  var buffer: [UInt8] = []
  /// The first whole message.
  var message: [UInt8]?
  /// Whole messages so far.
  var count = 0
  var status: Int?
  var text = ""
  var ended = false
  /// What the peer may still be sent on this stream.
  var sendWindow: Int

  /// Takes bytes of a DATA frame; keeps the newest whole message.
  mutating func take(_ bytes: ArraySlice<UInt8>) {
    buffer.append(contentsOf: bytes)
    while buffer.count >= 5 {
      let length = Int(Frame.integer(buffer[1..<5]))
      guard buffer.count >= 5 + length else { return }
      message = Array(buffer[5..<5 + length])
      count += 1
      buffer.removeFirst(5 + length)
    }
  }
}
