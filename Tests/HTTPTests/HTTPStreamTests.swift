import Foundation
import HTTPTesting
import Synchronization
import Testing

@testable import HTTP

/// Answers that come bit by bit: what is read, what ends them, and what bounds them.
@Suite(.timeLimit(.minutes(3))) struct HTTPStreamTests {
  private static let client = HTTPClient(.init(connect: .seconds(5), answer: .seconds(30), maximumBody: 4096))

  private func with(_ answer: TestWebServer.Answer, _ body: @Sendable (TestWebServer) async throws -> Void) async throws
  {
    try await TestWebServer.with(nil, answer: { _ in answer }, body)
  }

  private func stream<T: Sendable>(
    _ server: TestWebServer, idle: Duration = .seconds(30), client: HTTPClient = client,
    _ body: @escaping @Sendable (HTTPAnswer, inout HTTPBody) async throws -> T
  ) async throws -> T {
    let url = try WebURL("http://127.0.0.1:\(server.port)/", scheme: .http)
    return try await client.stream(HTTPRequest(.get, url), over: .plain, idle: idle, body)
  }

  @Test func bitsArriveBeforeTheEnd() async throws {
    let feed = Feed()
    try await with(.feed(feed)) { server in
      feed.send("one")
      let parts = try await stream(server) { answer, body in
        #expect(answer.status == 200)
        var parts: [String] = []
        while let bytes = try await body.next() {
          parts.append(String(decoding: bytes, as: UTF8.self))
          // The next bit is sent when this one is there.
          if parts.count == 1 { feed.send("two") } else { feed.end() }
        }
        return parts
      }
      #expect(parts == ["one", "two"])
    }
  }

  @Test func aCutBodyIsAnError() async throws {
    let feed = Feed()
    try await with(.feed(feed)) { server in
      feed.send("one")
      let failure = await #expect(throws: HTTPFailure.self) {
        try await stream(server) { _, body in
          _ = try await body.next()
          feed.cut()
          while try await body.next() != nil {}
        }
      }
      #expect(failure != nil)
    }
  }

  @Test func whoReadsDecidesWhenItEnds() async throws {
    try await with(.endless) { server in
      struct Enough: Error {}
      await #expect(throws: Enough.self) {
        try await stream(server) { _, body in
          _ = try await body.next()
          throw Enough()
        }
      }
      // Far more than the client's limit, as the reader takes it.
      let total = try await stream(server) { _, body in
        var total = 0
        while total < 2 << 20, let bytes = try await body.next() { total += bytes.count }
        return total
      }
      #expect(total >= 2 << 20)
      let failure = await #expect(throws: HTTPFailure.self) {
        try await stream(server) { _, body in try await body.rest(upTo: 1 << 20) }
      }
      #expect(failure.map { "\($0)" } == "the answer is larger than \(1 << 20) bytes")
    }
  }

  @Test func silenceEnds() async throws {
    let impatient = HTTPClient(.init(connect: .seconds(5), answer: .milliseconds(50), maximumBody: 4096))
    try await with(.silence) { server in
      let failure = await #expect(throws: HTTPFailure.self) { try await stream(server, client: impatient) { _, _ in } }
      #expect(failure.map { "\($0)" } == "context deadline exceeded")
    }
    try await with(.feed(Feed())) { server in
      let failure = await #expect(throws: HTTPFailure.self) {
        try await stream(server, idle: .milliseconds(50)) { _, body in try await body.next() }
      }
      #expect(failure.map { "\($0)" } == "context deadline exceeded")
    }
  }

  @Test func aCallerWhoLeavesIsLetGo() async throws {
    let feed = Feed()
    try await with(.feed(feed)) { server in
      feed.send("one")
      let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        try await stream(server) { _, body in
          _ = try await body.next()
          arrived.yield()
          return try await body.next()
        }
      }
      for await _ in arrivals { break }
      task.cancel()
      let failure = await #expect(throws: HTTPFailure.self) { try await task.value }
      guard case .cancelled? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
    }
  }

  @Test func endlessHeadersEnd() async throws {
    let headers = (0..<9000).map { ("X-\($0)", String(repeating: "x", count: 60)) }
    try await with(.page(200, headers, [])) { server in
      await #expect(throws: HTTPFailure.self) { try await stream(server) { _, _ in } }
    }
  }

  @Test func anyNameOfAnAuthorityWillDoWhereTheNameIsUnknown() async throws {
    let authority = try TestPKI("cluster.test")
    let certificate = try authority.server(hosts: ["node-1"])
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], Array("x".utf8)) }) { server in
      let url = try WebURL("https://127.0.0.1:\(server.port)/")
      func ask(_ trust: ServerTrust) async throws -> Int {
        try await Self.client.send(HTTPRequest(.get, url), over: .https(trust)).status
      }
      let roots = try WebRoots.only(der: [authority.der])
      #expect(try await ask(.webChain(roots)) == 200)
      await #expect(throws: HTTPFailure.self) { try await ask(.web(roots)) }
      let stranger = try WebRoots.only(der: [try TestPKI("stranger.test").der])
      await #expect(throws: HTTPFailure.self) { try await ask(.webChain(stranger)) }
      server.script.present(try authority.server(hosts: ["node-1"], from: -3600, to: -60))
      await #expect(throws: HTTPFailure.self) { try await ask(.webChain(roots)) }
    }
  }
}
