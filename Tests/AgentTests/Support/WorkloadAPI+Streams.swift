import RPC

@testable import Agent

/// The streams of the Workload API without a connection: what a client would be sent.
extension WorkloadAPI {
  func fetchX509SVID(_ call: Call, send: ([UInt8]) async throws -> Void) async throws {
    try await drive(try await fetchX509SVID(call), send)
  }

  func fetchX509Bundles(_ call: Call, send: ([UInt8]) async throws -> Void) async throws {
    try await drive(try await fetchX509Bundles(call), send)
  }

  func fetchJWTBundles(_ call: Call, send: ([UInt8]) async throws -> Void) async throws {
    try await drive(try await fetchJWTBundles(call), send)
  }

  func fetchWITBundles(_ call: Call, send: ([UInt8]) async throws -> Void) async throws {
    try await drive(try await fetchWITBundles(call), send)
  }

  private func drive(_ feed: WorkloadFeed, _ send: ([UInt8]) async throws -> Void) async throws {
    let (wakes, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    defer { feed.closed() }
    feed.opened { news.yield() }
    var iterator = wakes.makeAsyncIterator()
    while true {
      switch feed.step() {
      case .message(let message): try await send(message.bytes)
      case .nothing: guard await iterator.next() != nil else { throw CancellationError() }
      case .end(let error): if let error { throw error } else { return }
      }
    }
  }
}
