package import Daemon
import FoundationEssentials
import Keys
import Programs

/// Runs the credential plugin of a cluster's kubeconfig, and keeps what it said until shortly before its end or until the API
/// server refuses it. All who need it wait for one run; agents that nobody knows can cause one, so there is no second within
/// some seconds of one that failed or whose credentials were refused. One per cluster; an actor.
package actor ExecPlugins {
  typealias Outcome = Result<ExecCredential, any Error>

  /// What failed is not tried again before.
  static let pause = Duration.seconds(5)
  /// Credentials that end so soon are made anew.
  static let margin: TimeInterval = 10

  /// What a run had to say.
  private struct Held {
    let execution: ExecPlugin.Execution
    let number: UInt64
    let outcome: Outcome
    let at: Duration
    /// Not good any more, whatever its end says.
    var isRefused = false
  }

  package nonisolated let environment: [String: String]
  private nonisolated let bounds: ExecProcess.Bounds
  private nonisolated let time: any TimeSource
  private nonisolated let report: @Sendable (_ error: String, _ remarks: String) -> Void
  private var held: Held?
  private var runs: UInt64 = 0
  private var waiting: [ExecPlugin.Execution: [CheckedContinuation<(Outcome, UInt64), Never>]] = [:]

  /// - Parameters:
  ///   - environment: what plugins inherit, and where `PATH` is.
  ///   - report: told of each run that failed, with what the plugin wrote to its standard error: for the log only.
  package init(
    environment: [String: String], time: any TimeSource = SystemTime(),
    report: @escaping @Sendable (_ error: String, _ remarks: String) -> Void
  ) {
    self.init(environment: environment, time: time, bounds: ExecProcess.Bounds(), report: report)
  }

  init(
    environment: [String: String], time: any TimeSource, bounds: ExecProcess.Bounds,
    report: @escaping @Sendable (_ error: String, _ remarks: String) -> Void
  ) {
    self.environment = environment
    self.time = time
    self.bounds = bounds
    self.report = report
  }

  /// What to ask with now, and the number of the run that made it.
  func credential(_ execution: ExecPlugin.Execution) async throws -> (ExecCredential, run: UInt64) {
    if let held, held.execution == execution, isGood(held) { return (try held.outcome.get(), held.number) }
    let (outcome, number) = await run(execution)
    return (try outcome.get(), number)
  }

  /// The API server did not accept what a run made. Whether there will be something else.
  func refused(_ number: UInt64, _ execution: ExecPlugin.Execution) -> Bool {
    guard let held, held.number == number, held.execution == execution else { return true }
    guard time.steady - held.at >= Self.pause else { return false }
    self.held?.isRefused = true
    return true
  }

  private func isGood(_ held: Held) -> Bool {
    guard !held.isRefused else { return false }
    switch held.outcome {
    case .failure: return time.steady - held.at < Self.pause
    case .success(let credential): return credential.end.map { time.now < $0 - Self.margin } ?? true
    }
  }

  private func run(_ execution: ExecPlugin.Execution) async -> (Outcome, UInt64) {
    if waiting[execution] != nil {
      return await withCheckedContinuation { waiting[execution]?.append($0) }
    }
    waiting[execution] = []
    let outcome = await start(execution)
    runs += 1
    held = Held(execution: execution, number: runs, outcome: outcome, at: time.steady)
    for waiter in waiting.removeValue(forKey: execution) ?? [] { waiter.resume(returning: (outcome, runs)) }
    return (outcome, runs)
  }

  private nonisolated func start(_ execution: ExecPlugin.Execution) async -> Outcome {
    let process = ExecProcess(execution: execution, environment: environment, bounds: bounds)
    do {
      // Not in the lane of the caller's work: the plugin takes time, not a processor. And the run is everybody's, so it goes
      // on if the one who caused it leaves.
      let output = try await BackgroundWork.$pass.withValue(nil) { try await BackgroundWork.run { try process.run() } }
      return .success(try ExecCredential(output, version: execution.plugin.version))
    } catch {
      report("\(error)", (error as? ExecProcess.Failure)?.remarks ?? "")
      return .failure(KubeConfig.Unusable("getting credentials: \(error)"))
    }
  }
}
