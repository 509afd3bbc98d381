import Foundation
import Mutations
import Testing

@testable import WebCertificates

/// The first bytes of TLS connections.
@Suite struct ClientHelloTests {
  /// A hello as RFC 8446 §4.1.2 writes it.
  static func hello(name: String? = "One.Test", protocols: [String] = ["h2", "http/1.1"], padding: Int = 0) -> [UInt8] {
    func vector(_ size: Int, _ bytes: [UInt8]) -> [UInt8] {
      (0..<size).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
    }
    var extensions: [UInt8] = [0, 10] + vector(2, vector(2, [0, 29]))
    if let name { extensions += [0, 0] + vector(2, vector(2, [0] + vector(2, Array(name.utf8)))) }
    if !protocols.isEmpty {
      extensions += [0, 16] + vector(2, vector(2, protocols.flatMap { vector(1, Array($0.utf8)) }))
    }
    if padding > 0 { extensions += [0, 21] + vector(2, [UInt8](repeating: 0, count: padding)) }
    var body: [UInt8] = [3, 3]
    body += [UInt8](repeating: 7, count: 32)
    body += vector(1, [1, 2])
    body += vector(2, [0x13, 0x01])
    body += vector(1, [0])
    body += vector(2, extensions)
    return [1] + vector(3, body)
  }

  /// A message in records of at most `size` bytes.
  static func records(_ message: [UInt8], _ size: Int = 16384) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start in
      let part = message[start..<min(start + size, message.count)]
      return [22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part
    }
  }

  @Test func aHello() {
    let expected = ClientHello(serverName: "one.test", protocols: ["h2", "http/1.1"])
    let message = Self.hello()
    for size in [1, 5, 100, 16384] { #expect(ClientHello.read(Self.records(message, size)) == .hello(expected)) }
    #expect(ClientHello.read(Self.records(message) + [9, 9, 9]) == .hello(expected), "what follows is not looked at")
    #expect(ClientHello.read(Self.records(Self.hello(name: nil, protocols: []))) == .hello(ClientHello()))
    #expect(ClientHello.read(Self.records(Self.hello(padding: 20_000))) == .hello(expected))
    let bytes = Self.records(message)
    for end in bytes.indices { #expect(ClientHello.read(Array(bytes[..<end])) == .incomplete, "\(end)") }
  }

  @Test func othersAreRefused() {
    let message = Self.hello()
    var bad: [[UInt8]] = [
      Array("GET / HTTP/1.1\r\n".utf8), [21, 3, 1, 0, 2, 1, 0], [22, 2, 0, 0, 1, 1], [22, 3, 1, 0, 0],
      [22, 3, 1, 0xFF, 0xFF], Self.records([2] + message.dropFirst()), [22, 3, 1, 0, 4, 1, 0xFF, 0xFF, 0xFF],
      Self.records(Self.hello(name: "a b")), Self.records(Self.hello(name: "")),
      Self.records(Self.hello(protocols: [""])),
      Self.records(Self.hello(name: String(repeating: "x", count: 256))), Self.records(Self.hello(padding: 40_000)),
    ]
    var cut = message
    cut.replaceSubrange(1..<4, with: [0, 0, 20])
    bad.append(Self.records(cut))
    for bytes in bad { #expect(ClientHello.read(bytes) == .unusable, "\(bytes.prefix(20))") }
  }

  @Test func bytesThatAreNearlyRight() {
    for bytes in Mutations(of: Self.records(Self.hello()), count: 5000) { _ = ClientHello.read(bytes) }
  }
}
