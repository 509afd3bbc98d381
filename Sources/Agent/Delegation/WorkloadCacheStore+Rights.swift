import Daemon

extension WorkloadCacheStore {
  /// Runs `body` for as long as `check` lets it: `check` is asked whenever entries or bundles change, and at the latest
  /// after each `interval`, so that what is sent over a long stream does not outlive the caller's right to it.
  ///
  /// - Parameter check: throws what the call ends with. Must not wait.
  func whileAllowed(
    _ time: any TimeSource, every interval: @escaping @Sendable () -> Duration,
    check: @escaping @Sendable () throws -> Void, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    try await withBell { bell in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask {
          while !Task.isCancelled {
            try check()
            try await bell.wait(atMost: interval(), time)
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// Sends `message` of the bundles now, and again whenever it differs from the one before.
  ///
  /// - Parameter check: asked before each message; throws what the call ends with.
  func sendBundles<Message: Equatable & Sendable>(
    _ time: any TimeSource, check: @Sendable () throws -> Void, _ message: @Sendable (BundleSet) throws -> Message,
    to send: @Sendable (Message) async throws -> Void
  ) async throws {
    try await withBell { bell in
      var known: [PreparedBundle] = []
      var last: Message?
      while !isClosed {
        let now = bundles
        // Entries change more often than bundles, which are the same objects then.
        if !now.all.elementsEqual(known, by: ===) {
          known = now.all
          let next = try message(now)
          if next != last {
            try check()
            try await send(next)
            last = next
          }
        }
        try await bell.wait(atMost: .seconds(60), time)
      }
      throw WorkloadAPI.ended
    }
  }
}

extension BundleSet {
  /// The own bundle, then the federated ones by trust domain.
  var all: [PreparedBundle] { [own] + federated.keys.sorted().compactMap { federated[$0] } }
}
