import Foundation
import Glibc
import Synchronization
import Testing

@testable import Daemon

/// Requests that end at one place for a proxy and at another one for the server: the server sees one request or none,
/// never one that was hidden in the body of another. The origins are in docs/security/immunity.md.
@Suite struct HTTPSmugglingTests {
  private static let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

  private static let requests: [String] = [
    // Two lengths.
    "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hidden,
    "Content-Length: 0\r\nContent-Length: 99\r\n\r\n" + hidden,
    "Content-Length: 99\r\nContent-Length: 0\r\n\r\n" + hidden,
    "Content-Length: 0, 99\r\n\r\n" + hidden, "Content-Length: +0\r\n\r\n" + hidden,
    "Content-Length: -1\r\n\r\n" + hidden,
    "Content-Length: 0x0\r\n\r\n" + hidden, "Content-Length: 0 0\r\n\r\n" + hidden,
    "Content-Length: 99999999999999999999999\r\n\r\n" + hidden,
    // Encodings that only one of two knows.
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n" + hidden,
    "Transfer\u{0}-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
    " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
    // Chunks whose length is written in another way, or ends in another way.
    "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + hidden, "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\n\r\n;\r\n\r\n" + hidden,
    "Transfer-Encoding: chunked\r\n\r\n2\r\n\r\n0\r\n\r\n" + hidden,
  ]

  /// Sends a request, ends the sending, and reads until the server closes.
  private func exchange(port: Int, _ request: String) throws -> String {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafeBytes(of: &address) {
      Glibc.connect(socket, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard connected == 0 else { throw HTTPProbe.Failed() }
    let data = Array(request.utf8)
    guard send(socket, data, data.count, Int32(MSG_NOSIGNAL)) == data.count else { throw HTTPProbe.Failed() }
    shutdown(socket, Int32(SHUT_WR))
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = recv(socket, &buffer, buffer.count, 0), count > 0 { result += buffer[..<count] }
    return String(decoding: result, as: UTF8.self)
  }

  @Test func aRequestIsNotHiddenInAnother() async throws {
    let paths = Mutex<[String]>([])
    let listener = HTTPListener(host: "127.0.0.1", port: 0) { request in
      paths.withLock { $0.append(request.path) }
      return .init(status: 200, contentType: "text/plain", body: "")
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(await listener.boundPort)
      for lines in Self.requests {
        _ = try exchange(port: port, "POST /seen HTTP/1.1\r\nHost: x\r\n" + lines)
        let seen = paths.withLock { paths in
          defer { paths = [] }
          return paths
        }
        #expect(seen.isEmpty || seen == ["/seen"], "\(lines.debugDescription): \(seen)")
      }
      // The same two, one behind the other, are two.
      _ = try exchange(port: port, "POST /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" + Self.hidden)
      #expect(paths.withLock { $0 } == ["/seen", "/hidden"])
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}
