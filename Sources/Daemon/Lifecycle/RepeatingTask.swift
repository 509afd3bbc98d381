import ServiceLifecycle

/// Does `work` after each interval until the server stops. The interval is asked for anew each time, for jitter.
package func repeating(
  every interval: @escaping @Sendable () -> Duration, time: any TimeSource,
  _ work: @escaping @Sendable () async -> Void
) async throws {
  await cancelWhenGracefulShutdown {
    while !Task.isCancelled {
      do { try await time.sleep(for: interval()) } catch { return }
      await work()
    }
  }
}
