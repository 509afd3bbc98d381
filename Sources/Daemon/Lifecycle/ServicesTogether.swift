package import ServiceLifecycle

/// Several services as one member of a daemon's group: they are told to stop at the same time, where the group tells one
/// after the other. Made once, by the daemon's runtime; holds no state.
package struct ServicesTogether: Service {
  private let services: [any Service]

  package init(_ services: [any Service]) { self.services = services }

  /// Returns when all have returned.
  ///
  /// - Throws: the error of the first that failed; the others are cancelled.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for service in services { group.addTask { try await service.run() } }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }
}
