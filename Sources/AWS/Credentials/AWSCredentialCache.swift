import Daemon
import FoundationEssentials

/// Credentials that are asked for once for all who need them at the same time, and again some time before they end; as long
/// as that fails, those that are there serve until their end. An actor isolates them.
actor AWSCredentialCache {
  /// How long somebody waits for new ones where the old ones are still good.
  static let hurry: Duration = .seconds(5)

  /// Told of failures that nobody else is told of: with what is still good, or with remarks.
  typealias Report = @Sendable (_ error: AWSError, _ isServedFurther: Bool) -> Void

  private let time: any TimeSource
  private let report: Report
  private var keep = AWSCredentialKeep()
  private var isFetching = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(time: any TimeSource, report: @escaping Report = { _, _ in }) {
    self.time = time
    self.report = report
  }

  /// What is kept, or what `fetch` brings.
  func credentials(
    _ fetch: @escaping @Sendable () async throws(AWSError) -> AWSCredentials
  ) async throws(AWSError) -> AWSCredentials {
    while true {
      switch keep.action(time.now, time.steady) {
      case .use(let credentials): return credentials
      case .fail(let error): throw error
      case .fetch:
        guard isFetching else { return try await renew(fetch) }
        // Nobody but the one who asks waits where there is something good.
        if let good = keep.good(time.now) { return good }
        await withCheckedContinuation { waiting.append($0) }
      }
    }
  }

  private func renew(
    _ fetch: @escaping @Sendable () async throws(AWSError) -> AWSCredentials
  ) async throws(AWSError) -> AWSCredentials {
    isFetching = true
    defer {
      isFetching = false
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    do throws(AWSError) {
      let found = keep.good(time.now) == nil ? try await fetch() : try await hurried(fetch)
      if let end = found.expiresAt, end <= time.now {
        throw AWSError("the credentials that were given ended at \(GoTime.rfc3339(end))")
      }
      keep.fetched(found, time.now)
      return found
    } catch {
      // Whoever gave up says nothing about AWS: one of those who wait asks again.
      let good = keep.good(time.now)
      if !Task.isCancelled {
        keep.failed(error, time.steady)
        if good != nil || !error.remarks.isEmpty { report(error, good != nil) }
      }
      guard let good else { throw error }
      return good
    }
  }

  private nonisolated func hurried(
    _ fetch: @escaping @Sendable () async throws(AWSError) -> AWSCredentials
  ) async throws(AWSError) -> AWSCredentials {
    let time = time
    let outcome = await withTaskGroup(of: Result<AWSCredentials, AWSError>?.self) { group in
      group.addTask {
        do throws(AWSError) { return .success(try await fetch()) } catch { return .failure(error) }
      }
      group.addTask {
        try? await time.sleep(for: Self.hurry)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    guard let outcome else { throw AWSError("no new credentials within \(GoDuration.format(Self.hurry))") }
    return try outcome.get()
  }
}
