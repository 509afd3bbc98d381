// Any bytes on a connection must leave it in order: it ends when the client does, no task of it runs on, nothing is kept.
// The first byte says how the rest is cut into reads; the rest is given to a whole connection, once as it is and once
// behind a preface. The same bytes go through the state of a stream as its DATA.

import FuzzSupport
import GRPCCore
import NIOCore
import NIOEmbedded
import Synchronization

@testable import RPC

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let first = bytes.first else { return 0 }
  let pieces = cut(Array(bytes.dropFirst()), into: Int(first) + 1)
  let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
  serve(pieces)
  serve([preface] + pieces)
  for type in MethodDescriptor.RPCType.allCases {
    for encoding in [MessageEncoding.identity, .gzip] { stream(pieces, type, encoding) }
  }
  return 0
}

private func cut(_ bytes: [UInt8], into size: Int) -> [[UInt8]] {
  stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
}

private func serve(_ pieces: [[UInt8]]) {
  let loop = EmbeddedEventLoop()
  let channel = EmbeddedChannel(loop: loop)
  let end = Flag()
  let methods = MethodDescriptor.RPCType.allCases.map {
    MethodDescriptor(fullyQualifiedService: "a.B", method: "\($0)", type: $0)
  }
  let acceptor = ConnectionAcceptor(
    address: .unix(path: "/"), tls: nil, registry: ConnectionRegistry(most: 1),
    service: ConnectionService(
      limits: ConnectionLimits(), methods: MethodTable(methods), log: ConnectionLog(nil), handler: echo),
    executors: [ObjectIdentifier(loop): LoopExecutor(loop)], ageFactor: { 1 })
  mustSucceed("build") {
    try acceptor.build(
      on: channel, PeerConnection(id: 1, caller: .anonymous(PeerAddress(ip: "::1", port: 1))),
      CallShare(CallRoom(calls: 1000))
    ) { end.set() }
    channel.connect(to: try SocketAddress(unixDomainSocketPath: "/"), promise: nil)
  }
  for piece in pieces {
    _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
    loop.run()
    while let _ = try? channel.readOutbound(as: IOData.self) {}
  }
  channel.close(promise: nil)
  loop.run()
  check(end.isSet, "the connection has not ended")
}

private final class Flag: Sendable {
  private let state = Mutex(false)
  var isSet: Bool { state.withLock { $0 } }
  func set() { state.withLock { $0 = true } }
}

/// Sends every message back.
private let echo: ServerCall.Handler = { stream, _ in
  do {
    for try await part in stream.inbound {
      if case .message(let bytes) = part { try await stream.outbound.write(.message(bytes)) }
    }
    try await stream.outbound.write(.status(Status(code: .ok, message: ""), [:]))
  } catch {
    try? await stream.outbound.write(.status(Status(code: .aborted, message: "\(error)"), [:]))
  }
}

private func stream(_ pieces: [[UInt8]], _ type: MethodDescriptor.RPCType, _ encoding: MessageEncoding) {
  var state = CallState(type: type, reader: MessageReader(encoding: encoding, limit: 4096))
  var received = 0
  var credited = 0
  var hasBegun = type.isRequestStreaming
  for (index, piece) in pieces.enumerated() {
    received += piece.count
    if state.receive(ByteBuffer(bytes: piece), isLast: index == pieces.count - 1) == .start { hasBegun = true }
    // What is kept is less than what came, and a single message never more than its limit and a piece.
    check(encoding == .gzip || state.held <= received, "more is kept than came")
    if hasBegun {
      reading: while true {
        switch state.pull() {
        case .message(let bytes): check(bytes.readableBytes <= 4096, "a message above the limit")
        case .end, .wait, .failure: break reading
        }
      }
    }
    credited += state.takeCredit(above: 100)
    check(credited <= received, "more room was given back than was used")
  }
  state.close()
  check(state.held == 0, "a closed stream keeps bytes")
}
