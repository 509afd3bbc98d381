import Testing

@testable import Daemon

@Suite struct HTTPListenerTests {
  @Test func aPrometheusPageIsOnEveryPath() async throws {
    let sink = PrometheusSink(prefix: "p", time: TestTime())
    sink.incrementCounter(["p", "c"], by: 1, labels: [])
    let listener = PrometheusListener.make(host: "127.0.0.1", port: 0, sink: sink)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(await listener.boundPort)
      for path in ["/", "/metrics", "/x/y"] {
        let page = try HTTPProbe.get(port: port, path: path)
        #expect(page.status == 200 && page.body.contains("\np_c 1\n"))
        #expect(page.body.contains("process_resident_memory_bytes "))
      }
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  @Test func rubbishClosesTheConnection() async throws {
    let listener = HTTPListener(host: "127.0.0.1", port: 0) { _ in .init(status: 200, contentType: "a", body: "b") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(await listener.boundPort)
      #expect(try HTTPProbe.exchange(port: port, "\u{1}\u{2}\u{3}\r\n\r\n").hasPrefix("HTTP/1.1 400"))
      #expect(try HTTPProbe.get(port: port, path: "/").status == 200)
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  @Test func anAddressInUseFailsTheService() async throws {
    let first = HTTPListener(host: "127.0.0.1", port: 0) { _ in .init(status: 200, contentType: "a", body: "b") }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await first.run() }
      let port = await first.boundPort ?? 0
      let second = HTTPListener(host: "127.0.0.1", port: port) { _ in .init(status: 200, contentType: "a", body: "b") }
      await #expect(throws: (any Error).self) { try await second.run() }
      group.cancelAll()
    }
  }
}
