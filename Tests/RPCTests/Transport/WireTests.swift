import GRPCCore
import NIOCore
import NIOHPACK
import Testing

@testable import RPC

/// Headers, messages and encodings.
@Suite struct WireTests {
  static let methods = MethodTable([
    MethodDescriptor(fullyQualifiedService: "a.B", method: "Get", type: .unary),
    MethodDescriptor(fullyQualifiedService: "a.B", method: "Watch", type: .serverStreaming),
    MethodDescriptor(fullyQualifiedService: "a.B", method: "Unknown"),
  ])

  static let streaming = MethodTable(
    MethodDescriptor.RPCType.allCases.map {
      MethodDescriptor(fullyQualifiedService: "a.B", method: "\($0)", type: $0)
    })

  static func headers(_ changes: [(String, String?)] = []) -> HPACKHeaders {
    var fields: [(String, String)] = [
      (":method", "POST"), (":scheme", "http"), (":path", "/a.B/Get"), (":authority", "x"), ("te", "trailers"),
      ("content-type", "application/grpc"), ("user-agent", "test"),
    ]
    // In place: pseudo-headers come before all others.
    for (name, value) in changes {
      let index = fields.firstIndex { $0.0 == name }
      if let index, let value {
        fields[index].1 = value
      } else if let index {
        fields.remove(at: index)
      } else if let value {
        fields.append((name, value))
      }
    }
    return HPACKHeaders(fields)
  }

  func head(_ changes: (String, String?)...) throws -> RequestHead {
    try RequestHead(Self.headers(changes), methods: Self.methods)
  }

  func refusal(_ changes: (String, String?)...) -> String {
    do {
      _ = try RequestHead(Self.headers(changes), methods: Self.methods)
      return "none"
    } catch let error as Refusal {
      return "\(error.httpStatus.rawValue) \(error.code.rawValue) \(error.message)"
    } catch { return "\(error)" }
  }

  @Test func aHeadIsRead() throws {
    let head = try head(
      ("grpc-timeout", "5S"), ("grpc-encoding", "gzip"), ("x-text", "v"), ("x-bin", "AAEC,Aw"),
      ("content-type", "application/grpc+proto; a=b"))
    #expect(head.method.descriptor.method == "Get" && head.method.type == .unary)
    #expect(head.timeout == .seconds(5) && head.encoding == .gzip && head.contentSubtype == "proto")
    #expect(Array(head.metadata[stringValues: "x-text"]) == ["v"])
    #expect(Array(head.metadata[binaryValues: "x-bin"]) == [[0, 1, 2], [3]])
    #expect(Array(head.metadata[stringValues: "user-agent"]) == ["test"])
    // GRPCCore would run a timer of its own.
    #expect(Array(head.metadata[stringValues: "grpc-timeout"]) == [])
    #expect(try self.head((":path", "/a.B/Unknown")).method.type == .bidirectionalStreaming)
  }

  @Test func oddHeadsAreRefusedAsGoDoes() {
    #expect(refusal(("content-type", nil)) == "415 3 invalid gRPC request content-type \"\"")
    #expect(
      refusal(("content-type", "application/json")) == "415 3 invalid gRPC request content-type \"application/json\"")
    #expect(
      refusal(("content-type", "application/grpcx")) == "415 3 invalid gRPC request content-type \"application/grpcx\"")
    #expect(
      refusal((":method", "GET")) == "405 13 Received a HEADERS frame with :method \"GET\" which should be POST")
    #expect(
      refusal(("grpc-timeout", "5")) == "400 13 malformed grpc-timeout: transport: timeout string is too short: \"5\"")
    #expect(
      refusal(("grpc-timeout", "123456789S"))
        == "400 13 malformed grpc-timeout: transport: timeout string is too long: \"123456789S\"")
    #expect(
      refusal(("grpc-timeout", "5x"))
        == "400 13 malformed grpc-timeout: transport: timeout unit is not recognized: \"5x\"")
    #expect(
      refusal(("grpc-timeout", "-5S"))
        == "400 13 malformed grpc-timeout: strconv.ParseUint: parsing \"-5\": invalid syntax")
    #expect(refusal(("x-bin", "A")).hasPrefix("400 13 malformed binary metadata \"A\" in header \"x-bin\""))
    #expect(
      refusal(("grpc-encoding", "br")) == "200 12 grpc: Decompressor is not installed for grpc-encoding \"br\"")
    #expect(refusal(("connection", "close")) == "Malformed()")
    #expect(refusal(("te", nil)) == "none")
    #expect(refusal(("grpc-encoding", "")) == "none")
  }

  @Test(arguments: [
    ("a.B/Get", "malformed method name: \"a.B/Get\""), ("", "malformed method name: \"\""),
    ("/", "malformed method name: \"/\""), ("/a.B", "malformed method name: \"/a.B\""),
    ("/a.B/", "unknown method  for service a.B"), ("/a.B/get", "unknown method get for service a.B"),
    ("/a.B/Get/", "unknown service a.B/Get"), ("//a.B/Get", "unknown service /a.B"),
    ("/a.B//Get", "unknown service a.B/"), ("/a.B/Get?x", "unknown method Get?x for service a.B"),
    ("/A.B/Get", "unknown service A.B"), ("/a.B/Get%20", "unknown method Get%20 for service a.B"),
    ("http://x/a.B/Get", "malformed method name: \"http://x/a.B/Get\""), ("/x.Y/Z", "unknown service x.Y"),
  ])
  func methodsAreMatchedExactly(_ path: String, _ message: String) {
    #expect(refusal((":path", path)) == "200 12 \(message)")
  }

  @Test func binaryHeadersAreReadWithAndWithoutPadding() {
    for count in 0..<40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      let text = BinaryHeader.encode(bytes)
      #expect(!text.contains("="))
      #expect(BinaryHeader.decode(text[...]) == bytes)
      let padded = text + String(repeating: "=", count: (4 - text.count % 4) % 4)
      #expect(BinaryHeader.decode(padded[...]) == bytes)
    }
    for bad in ["A", "AAA=A", "A===", "====", "AA=", "AA*A", "AA\u{e9}"] {
      #expect(BinaryHeader.decode(bad[...]) == nil, "\(bad)")
    }
  }

  @Test func responsesSayWhatTheyAre() {
    #expect(
      ResponseHeaders.head(subtype: "", encoding: .identity, metadata: [:])
        == [":status": "200", "content-type": "application/grpc"])
    #expect(
      ResponseHeaders.head(subtype: "proto", encoding: .gzip, metadata: ["A": "b"]) == [
        ":status": "200", "content-type": "application/grpc+proto", "grpc-encoding": "gzip", "a": "b",
      ])
    #expect(ResponseHeaders.trailers(Status(code: .ok, message: ""), [:]) == ["grpc-status": "0"])
    var metadata = Metadata()
    metadata.addBinary([0xFF, 0xFE], forKey: "grpc-status-details-bin")
    #expect(
      ResponseHeaders.trailers(Status(code: .notFound, message: "100% ü\n"), metadata) == [
        "grpc-status": "5", "grpc-message": "100%25 %C3%BC%0A", "grpc-status-details-bin": "//4",
      ])
    #expect(
      ResponseHeaders.only(Status(code: .invalidArgument, message: "x"), [:], http: .unsupportedMediaType) == [
        ":status": "415", "content-type": "application/grpc", "grpc-status": "3", "grpc-message": "x",
      ])
  }

  // MARK: Messages

  @Test func messagesGetTheirPrefixWithoutACopy() {
    var sent = MessageBytes(repeating: 7, count: 300)
    sent.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(sent.count == 300 && sent.withUnsafeBytes { $0[0] == 9 && $0[299] == 7 })
    let frame = sent.framed()
    #expect(frame.readableBytes == 305 && Array(frame.readableBytesView.prefix(6)) == [0, 0, 0, 1, 44, 9])
    #expect(Array(MessageBytes([1, 2]).framed().readableBytesView) == [0, 0, 0, 0, 2, 1, 2])
    #expect(Array(MessageBytes(received: ByteBuffer(bytes: [3])).framed().readableBytesView) == [0, 0, 0, 0, 1, 3])
    #expect(Array(MessageBytes([]).framed().readableBytesView) == [0, 0, 0, 0, 0])
  }

  @Test func gzipGoesThereAndBack() throws {
    for count in [0, 1, 100, 70_000, 300_000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0) }
      let frame = try MessageBytes(bytes).compressed()
      var reader = MessageReader(encoding: .gzip, limit: count + 100)
      reader.append(frame)
      #expect(try reader.next() == ByteBuffer(bytes: bytes))
      #expect(reader.buffered == 0)
    }
  }

  @Test func aBombStopsAtTheLimit() throws {
    var bomb = ByteBuffer()
    try Gzip.compress(ByteBuffer(repeating: 0, count: 20_000_000), into: &bomb)
    #expect(bomb.readableBytes < 25_000)
    #expect(throws: Gzip.Failure.tooLarge) { _ = try Gzip.decompress(bomb, limit: 1_000_000) }
    #expect(try Gzip.decompress(bomb, limit: 20_000_000).readableBytes == 20_000_000)
    #expect(throws: Gzip.Failure.malformed) { _ = try Gzip.decompress(ByteBuffer(string: "no gzip"), limit: 10) }
    let cut = bomb.getSlice(at: 0, length: bomb.readableBytes - 1)
    #expect(throws: Gzip.Failure.malformed) { _ = try Gzip.decompress(cut ?? ByteBuffer(), limit: 20_000_000) }
    #expect(throws: Gzip.Failure.malformed) { _ = try Gzip.decompress(ByteBuffer(), limit: 10) }
  }

  @Test func aLongStreamOfPiecesStaysSmall() throws {
    var reader = MessageReader(encoding: .identity, limit: 1 << 20)
    var piece = ByteBuffer()
    piece.writeInteger(UInt8(0))
    piece.writeInteger(UInt32(1000))
    piece.writeRepeatingByte(1, count: 1000)
    // There is always a rest of one byte in the reader.
    reader.append(piece.getSlice(at: 0, length: 1) ?? ByteBuffer())
    for _ in 0..<2000 {
      reader.append(piece.getSlice(at: 1, length: 1004) ?? ByteBuffer())
      reader.append(piece.getSlice(at: 0, length: 1) ?? ByteBuffer())
      #expect(try reader.next()?.readableBytes == 1000)
      #expect(reader.buffered == 1)
    }
  }
}
