import Daemon
import GRPCCore
import Logging
import SVIDFiles
import ServiceLifecycle
import WorkloadClient

/// The helper with `daemon_mode = false`: writes everything once and returns. A service that ends the program.
struct FetchingService: Service {
  let parts: HelperParts

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await fetch() }
    } catch {
      if Task.isShuttingDownGracefully { return }
      throw error
    }
  }

  private func fetch() async throws {
    if let publisher = parts.x509 {
      try await step("x509 certificates") {
        _ = try await publisher.publish(try await patiently { try await parts.api.x509SVIDs() })
      }
    }
    if let name = parts.configuration.jwtBundleFile {
      try await step("JWT bundle") {
        let response = try await patiently { try await parts.api.jwtBundles() }
        try await parts.files.write([
          PlannedFile(
            name: name, bytes: try JWTBundleDocument.encode(response), mode: parts.configuration.jwtBundleMode)
        ])
      }
    }
    if !parts.tokens.isEmpty { try await step("JWT SVIDs") { try await fetchTokens() } }
  }

  /// All of them, also when one cannot be had.
  private func fetchTokens() async throws {
    var problems: [String] = []
    for loop in parts.tokens {
      do { _ = try await patiently { try await loop.update() } } catch {
        try Task.checkCancellation()
        let audience = GoText.quote(loop.token.audience.first ?? "")
        problems.append("unable to fetch JWT SVID for audience \(audience): \(HelperError.text(of: error))")
      }
    }
    if !problems.isEmpty { throw HelperError(.fetch, problems.joined(separator: "\n")) }
  }

  private func step(_ what: String, _ body: () async throws -> Void) async throws {
    do {
      try await body()
      parts.logger.info("Successfully fetched \(what)")
    } catch {
      try Task.checkCancellation()
      let text = HelperError.text(of: error)
      parts.logger.error("Error fetching \(what)", metadata: ["error": "\(text)"])
      throw HelperError(.fetch, text, cause: error)
    }
  }

  /// Waits for an identity that is not there yet; every other failure is one.
  private func patiently<T>(_ body: () async throws -> T) async throws -> T {
    var retry = RetrySchedule.identity
    while true {
      do { return try await body() } catch let error as RPCError where error.code == .permissionDenied {
        try await parts.time.sleep(for: retry.next())
      }
    }
  }
}
