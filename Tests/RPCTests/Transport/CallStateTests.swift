import GRPCCore
import NIOCore
import Testing

@testable import RPC

/// The rules of one stream, without I/O.
@Suite struct CallStateTests {
  typealias Kind = MethodDescriptor.RPCType

  static let status = Status(code: .ok, message: "")

  /// A state that expectations may change.
  final class Box {
    private var state: CallState
    init(_ state: CallState) { self.state = state }
    var held: Int { state.held }
    var hasEnded: Bool { state.hasEnded }
    var hasHead: Bool { state.hasHead }
    var request: CallState.Request { state.request }
    func receive(_ bytes: ByteBuffer?, isLast: Bool) -> CallState.Received { state.receive(bytes, isLast: isLast) }
    func takeCredit(above threshold: Int) -> Int { state.takeCredit(above: threshold) }
    func write(_ metadata: Metadata) throws { try state.write(metadata) }
    func write(_ message: ByteBuffer) throws -> CallState.Flight? { try state.write(message) }
    func write(_ status: Status, _ metadata: Metadata) -> CallState.Flight? { state.write(status, metadata) }
    func close() { state.close() }
    var pulled: String {
      switch state.pull() {
      case .message(let bytes): String(buffer: bytes)
      case .end: "end"
      case .wait: "wait"
      case .failure(let error): "\(error.code.name): \(error.message)"
      }
    }
  }

  func state(_ type: Kind, limit: Int = 100, encoding: MessageEncoding = .identity) -> Box {
    Box(CallState(type: type, reader: MessageReader(encoding: encoding, limit: limit)))
  }

  /// A message on the wire.
  func wire(_ text: String, flag: UInt8 = 0) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(flag)
    buffer.writeInteger(UInt32(text.utf8.count))
    buffer.writeString(text)
    return buffer
  }

  // MARK: Requests with one message

  @Test(arguments: [Kind.unary, .serverStreaming])
  func aSingleRequestStartsTheHandlerWhenItIsComplete(_ type: Kind) {
    let state = state(type)
    let bytes = wire("hello")
    // One byte at a time.
    for index in 0..<bytes.readableBytes {
      #expect(state.receive(bytes.getSlice(at: index, length: 1), isLast: false) == .nothing)
    }
    #expect(state.receive(nil, isLast: true) == .start)
    #expect(state.pulled == "hello")
    #expect(state.pulled == "end")
    #expect(state.held == 0)
  }

  @Test func theEndMayComeWithTheMessage() {
    let state = state(.unary)
    #expect(state.receive(wire(""), isLast: true) == .start)
    #expect(state.pulled == "")
  }

  @Test func whatIsWrongWithASingleRequestIsRefused() {
    func outcome(_ buffers: ByteBuffer?..., encoding: MessageEncoding = .identity) -> String {
      let state = state(.unary, encoding: encoding)
      for (index, buffer) in buffers.enumerated() {
        if case .refuse(let error) = state.receive(buffer, isLast: index == buffers.count - 1) {
          #expect(state.held == 0)
          #expect(state.receive(wire("more"), isLast: true) == .nothing)
          return "\(error.code.name): \(error.message)"
        }
      }
      return "none"
    }
    var large = ByteBuffer()
    large.writeInteger(UInt8(0))
    large.writeInteger(UInt32(101))
    // Known from five bytes.
    #expect(outcome(large, nil) == "ResourceExhausted: grpc: received message larger than max (101 vs. 100)")
    #expect(
      outcome(nil) == "Internal: cardinality violation: received no request message from non-client-streaming RPC")
    #expect(
      outcome(wire("a"), wire("b"), nil)
        == "Internal: cardinality violation: received multiple request messages for non-client-streaming RPC")
    #expect(outcome(wire("hello").getSlice(at: 0, length: 7), nil) == "Internal: unexpected EOF")
    #expect(outcome(wire("hello").getSlice(at: 0, length: 3), nil) == "Internal: unexpected EOF")
    #expect(outcome(wire("a"), ByteBuffer(bytes: [0]), nil) == "Internal: unexpected EOF")
    #expect(outcome(wire("a", flag: 7), nil) == "Internal: grpc: received unexpected payload format 7")
    #expect(
      outcome(wire("a", flag: 1), nil)
        == "Internal: grpc: compressed flag set with identity or empty encoding")
    #expect(
      outcome(wire("a", flag: 1), nil, encoding: .gzip)
        == "Internal: grpc: failed to decompress the message: gzip: invalid data")
  }

  // MARK: Requests with many messages

  @Test(arguments: [Kind.clientStreaming, .bidirectionalStreaming])
  func streamsAreReadOnDemand(_ type: Kind) {
    let state = state(type)
    #expect(state.pulled == "wait")
    #expect(state.receive(wire("a"), isLast: false) == .wake)
    #expect(state.pulled == "a")
    // Nobody waits now.
    #expect(state.receive(wire("b"), isLast: false) == .nothing)
    #expect(state.receive(wire("c"), isLast: true) == .nothing)
    #expect(state.held == 12)
    #expect(["b", "c", "end", "end"] == (0..<4).map { _ in state.pulled })
    #expect(state.held == 0)
  }

  @Test func aBadMessageInAStreamFailsTheReadAndAllLaterOnes() {
    let state = state(.bidirectionalStreaming)
    _ = state.receive(wire("a"), isLast: false)
    _ = state.receive(wire("b", flag: 9), isLast: false)
    #expect(state.pulled == "a")
    #expect(state.pulled == "Internal: grpc: received unexpected payload format 9")
    #expect(state.receive(wire("c"), isLast: true) == .nothing)
    #expect(state.pulled == "Internal: grpc: received unexpected payload format 9")
    #expect(state.held == 0)
  }

  @Test func aStreamThatIsCutOffFailsTheRead() {
    let state = state(.clientStreaming)
    _ = state.receive(wire("hello").getSlice(at: 0, length: 8), isLast: true)
    #expect(state.pulled == "Internal: unexpected EOF")
  }

  @Test func theWindowReopensAsTheHandlerReads() {
    let state = state(.bidirectionalStreaming, limit: 1000)
    let block = wire(String(repeating: "x", count: 95))
    _ = state.receive(block, isLast: false)
    // Nobody waits, but little is kept.
    #expect(state.takeCredit(above: 101) == 0)
    _ = state.receive(block, isLast: false)
    #expect(state.takeCredit(above: 100) == 0)
    #expect(state.pulled.count == 95)
    #expect(state.takeCredit(above: 101) == 200)
    #expect(state.takeCredit(above: 101) == 0)
    #expect(state.pulled.count == 95)
    #expect(state.pulled == "wait")
    // A message larger than the window must be able to come in.
    _ = state.receive(wire(String(repeating: "x", count: 900)).getSlice(at: 0, length: 500), isLast: false)
    #expect(state.takeCredit(above: 101) == 500)
    _ = state.receive(nil, isLast: true)
    #expect(state.takeCredit(above: 0) == 0)
  }

  // MARK: Responses

  @Test func aUnaryResponseLeavesInOneFlight() throws {
    let state = state(.unary)
    _ = state.receive(wire("q"), isLast: true)
    try state.write(["a": "b"])
    #expect(try state.write(wire("answer")) == nil)
    let flight = try #require(state.write(Self.status, ["c": "d"]))
    #expect(flight.head == ["a": "b"])
    #expect(flight.message == wire("answer"))
    #expect(flight.end?.metadata == ["c": "d"])
    #expect(!flight.mustReset && state.hasHead && state.hasEnded)
  }

  @Test func aFailureAfterTheMessageOfAUnaryResponseSendsNoMessage() throws {
    let state = state(.unary)
    _ = state.receive(wire("q"), isLast: true)
    try state.write([:])
    _ = try state.write(wire("answer"))
    let flight = try #require(state.write(Status(code: .aborted, message: "no"), [:]))
    #expect(flight.head == nil && flight.message == nil && flight.end?.status.code == .aborted)
    #expect(!state.hasHead)
  }

  @Test func aStreamedResponseSendsEachMessage() throws {
    let state = state(.serverStreaming)
    _ = state.receive(wire("q"), isLast: true)
    try state.write(["a": "b"])
    let first = try #require(try state.write(wire("1")))
    #expect(first.head == ["a": "b"] && first.end == nil)
    let second = try #require(try state.write(wire("2")))
    #expect(second.head == nil && second.message == wire("2"))
    let last = try #require(state.write(Self.status, [:]))
    #expect(last.head == nil && last.message == nil && state.hasHead)
  }

  @Test func aResponseWithoutMessagesIsOneBlockUnlessItHasMetadata() throws {
    for (metadata, hasHead) in [(Metadata(), false), (["a": "b"], true)] {
      let state = state(.serverStreaming)
      try state.write(metadata)
      let flight = try #require(state.write(Self.status, [:]))
      #expect((flight.head != nil) == hasHead && state.hasHead == hasHead)
      // The client has not finished its request.
      #expect(flight.mustReset)
    }
    let silent = state(.unary)
    #expect(silent.write(Self.status, [:])?.head == nil)
  }

  @Test func nothingFollowsTheEnd() throws {
    let state = state(.bidirectionalStreaming)
    _ = state.write(Self.status, [:])
    #expect(state.write(Self.status, [:]) == nil)
    #expect(throws: CallState.Refused.ended) { try state.write([:]) }
    #expect(throws: CallState.Refused.ended) { _ = try state.write(self.wire("x")) }
    #expect(state.receive(wire("x"), isLast: false) == .nothing)
    #expect(state.pulled == "end")
  }

  @Test func partsOutOfOrderAreRefused() throws {
    let state = state(.unary)
    try state.write([:])
    #expect(throws: CallState.Refused.misuse) { try state.write([:]) }
    _ = try state.write(wire("1"))
    #expect(throws: CallState.Refused.misuse) { _ = try state.write(self.wire("2")) }
    #expect(throws: CallState.Refused.misuse) { try state.write([:]) }
  }

  @Test func aClosedStreamKeepsAndSendsNothing() throws {
    for type in Kind.allCases {
      let state = state(type)
      _ = state.receive(wire("abc"), isLast: false)
      state.close()
      #expect(state.held == 0 && state.hasEnded && state.request == .ended)
      #expect(state.write(Self.status, [:]) == nil)
      #expect(state.receive(wire("x"), isLast: true) == .nothing)
      #expect(state.pulled == "end")
      #expect(state.takeCredit(above: 0) == 0)
    }
  }
}
