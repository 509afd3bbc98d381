import Glibc
import NIOCore
import NIOHPACK

/// A gRPC client on one blocking Unix socket, written to cost little beside the server that it measures.
///
/// A caller of the load test owns one and uses it from its own thread. It answers SETTINGS and PING, obeys flow control
/// of what it sends, gives the peer room for what it receives, and compresses headers as other clients do, so that from
/// the second call on they are indices only.
final class Connection {
  let descriptor: Int32
  private(set) var calls: [UInt32: Call] = [:]
  private var nextStream: UInt32 = 1
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
  private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
  private var block: (stream: UInt32, flags: UInt8, bytes: [UInt8])?
  private var sendWindow = 65_535
  private var initialWindow = 65_535
  private var unacknowledged = 0
  /// The peer said that it takes no more streams on this connection.
  private(set) var isLeaving = false

  /// - Throws: ``LoadError`` when nobody listens at `path`.
  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw LoadError("no socket: \(String(cString: strerror(errno)))") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { throw LoadError("\(path) is too long") }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else {
      close(descriptor)
      throw LoadError("cannot connect to \(path): \(String(cString: strerror(errno)))")
    }
    output = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE 1 GiB: streams that stay open for long get no updates of their own. The
    // connection's window, which is kept open, is the bound.
    output += Frame.header(Frame.settings, flags: 0, stream: 0, length: 12)
    output += [0, 2, 0, 0, 0, 0, 0, 4] + Frame.bigEndian(1 << 30)
    window(0, 1 << 20)
  }

  deinit { close(descriptor) }

  /// Begins a call; its request is complete.
  func start(_ request: Request, body: [UInt8]) throws -> UInt32 {
    let stream = nextStream
    nextStream += 2
    var headers = ByteBuffer()
    try encoder.encode(headers: request.headers, to: &headers)
    output += Frame.header(Frame.headers, flags: Frame.endHeaders, stream: stream, length: headers.readableBytes)
    output.append(contentsOf: headers.readableBytesView)
    calls[stream] = Call(sendWindow: initialWindow)
    let message = [0] + Frame.bigEndian(UInt32(body.count)) + body
    var rest = message[...]
    repeat {
      while sendWindow <= 0 || (calls[stream]?.sendWindow ?? 1) <= 0 { try receive() }
      let size = min(rest.count, 16_384, sendWindow, calls[stream]?.sendWindow ?? rest.count)
      let isLast = size == rest.count
      output += Frame.header(Frame.data, flags: isLast ? Frame.endStream : 0, stream: stream, length: size)
      output += rest.prefix(size)
      rest = rest.dropFirst(size)
      sendWindow -= size
      calls[stream]?.sendWindow -= size
    } while !rest.isEmpty
    return stream
  }

  /// Sends what was begun and waits until the call has ended, or has its first message.
  func finish(_ stream: UInt32, firstMessage: Bool) throws -> Call {
    try flush()
    while true {
      guard let call = calls[stream] else { throw LoadError("stream \(stream) is not open") }
      if call.ended || firstMessage && call.count > 0 { return call }
      try receive()
    }
  }

  /// Forgets a call; one that has not ended is cancelled.
  func forget(_ stream: UInt32) throws {
    guard let call = calls.removeValue(forKey: stream), !call.ended else { return }
    output += Frame.header(Frame.reset, flags: 0, stream: stream, length: 4) + Frame.bigEndian(8)
    try flush()
  }

  func flush() throws {
    var sent = 0
    while sent < output.count {
      let written = output.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard written > 0 || errno == EINTR else { throw LoadError("send: \(String(cString: strerror(errno)))") }
      sent += max(0, written)
    }
    output.removeAll(keepingCapacity: true)
  }

  /// Waits for bytes and handles the whole frames among them.
  func receive() throws {
    try flush()
    let read = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { space in
      let count = recv(descriptor, space.baseAddress, space.count, 0)
      if count > 0 { input.append(contentsOf: space[..<count]) }
      return count
    }
    if read < 0 && errno == EINTR { return }
    guard read > 0 else {
      throw LoadError("the server closed the connection\(read < 0 ? ": " + String(cString: strerror(errno)) : "")")
    }
    var at = 0
    while input.count - at >= Frame.headerSize {
      let length = Int(Frame.integer(input[at..<at + 3]))
      let end = at + Frame.headerSize + length
      guard input.count >= end else { break }
      let stream = Frame.integer(input[at + 5..<at + 9]) & 0x7FFF_FFFF
      try handle(
        type: input[at + 3], flags: input[at + 4], stream: stream, payload: input[at + Frame.headerSize..<end])
      at = end
    }
    input.removeFirst(at)
    try flush()
  }

  private func handle(type: UInt8, flags: UInt8, stream: UInt32, payload: ArraySlice<UInt8>) throws {
    switch type {
    case Frame.data:
      calls[stream]?.take(flags & Frame.padded == 0 ? payload : payload.dropFirst().dropLast(Int(payload.first ?? 0)))
      unacknowledged += payload.count
      if unacknowledged > 1 << 19 {
        window(0, UInt32(unacknowledged))
        unacknowledged = 0
      }
      if flags & Frame.endStream != 0 { calls[stream]?.ended = true }
    case Frame.headers:
      var bytes = payload
      if flags & Frame.padded != 0 { bytes = bytes.dropFirst().dropLast(Int(bytes.first ?? 0)) }
      if flags & Frame.priority != 0 { bytes = bytes.dropFirst(5) }
      block = (stream, flags, Array(bytes))
      if flags & Frame.endHeaders != 0 { try endBlock() }
    case Frame.continuation:
      block?.bytes += payload
      if flags & Frame.endHeaders != 0 { try endBlock() }
    case Frame.reset:
      calls[stream]?.text = "reset with code \(Frame.integer(payload))"
      calls[stream]?.ended = true
    case Frame.settings where flags & Frame.acknowledgement == 0:
      settings(payload)
    case Frame.ping where flags & Frame.acknowledgement == 0:
      output += Frame.header(Frame.ping, flags: Frame.acknowledgement, stream: 0, length: 8) + payload
    case Frame.goAway: isLeaving = true
    case Frame.windowUpdate:
      let size = Int(Frame.integer(payload) & 0x7FFF_FFFF)
      if stream == 0 { sendWindow += size } else { calls[stream]?.sendWindow += size }
    default: break
    }
  }

  private func endBlock() throws {
    guard let block else { return }
    self.block = nil
    var buffer = ByteBuffer(bytes: block.bytes)
    for header in try decoder.decodeHeaders(from: &buffer) {
      switch header.name {
      case "grpc-status": calls[block.stream]?.status = Int(header.value)
      case "grpc-message": calls[block.stream]?.text = header.value
      default: break
      }
    }
    if block.flags & Frame.endStream != 0 { calls[block.stream]?.ended = true }
  }

  private func settings(_ payload: ArraySlice<UInt8>) {
    var rest = payload
    while rest.count >= 6 {
      if Frame.integer(rest.prefix(2)) == 4 {
        let size = Int(Frame.integer(rest.dropFirst(2).prefix(4)))
        for stream in calls.keys { calls[stream]?.sendWindow += size - initialWindow }
        initialWindow = size
      }
      rest = rest.dropFirst(6)
    }
    output += Frame.header(Frame.settings, flags: Frame.acknowledgement, stream: 0, length: 0)
  }

  private func window(_ stream: UInt32, _ size: UInt32) {
    output += Frame.header(Frame.windowUpdate, flags: 0, stream: stream, length: 4) + Frame.bigEndian(size)
  }
}
