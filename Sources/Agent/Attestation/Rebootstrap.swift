package import Daemon
import FoundationEssentials
package import Logging
import Synchronization

/// What the agent does when its server's certificate leads to no authority that it knows: `rebootstrap_mode`
/// (agent-behaviour §2).
///
/// The session asks it while it attests, the manager while it synchronises. When the condition began is kept in the
/// storage, so that restarts do not begin it anew. A lock guards the mode.
package final class Rebootstrap: Sendable {
  package enum Mode: String, Sendable {
    /// An unknown authority is a failure like any other.
    case never
    /// Bootstraps anew where the node can attest again.
    case auto
    /// The same; a node that cannot attest again is not started.
    case always
  }

  private let currentMode: Mutex<Mode>
  private let hasSaid = Mutex(false)
  private let delay: Duration
  private let storage: AgentStorage
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger

  /// - Parameter delay: how long the condition must last.
  package init(
    mode: Mode, delay: Duration, storage: AgentStorage, time: any TimeSource, metrics: Metrics, logger: Logger
  ) {
    currentMode = Mutex(mode)
    self.delay = delay
    self.storage = storage
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  package var mode: Mode { currentMode.withLock { $0 } }

  /// How long the steps of the start are repeated.
  package var startBudget: Duration { mode == .never ? StartRetry.budget : .seconds(24 * 3600) }

  /// An agent with an SVID is looked at: one that cannot attest again would be lost without it.
  ///
  /// - Throws: ``AgentError`` `fatal` in mode `always`.
  package func check(reattestable: Bool) throws(AgentError) {
    if reattestable { return }
    switch mode {
    case .never: return
    case .auto:
      logger.warning(
        "rebootstrap_mode is auto, but the node attestation of this agent cannot be repeated; the mode is never now")
      currentMode.withLock { $0 = .never }
    case .always:
      throw AgentError(
        .fatal,
        "rebootstrap_mode is always, but the node attestation of this agent cannot be repeated; use a node attestor "
          + "that attests again, or rebootstrap_mode = \"auto\"")
    }
  }

  /// An attempt to attest failed. When a stored bundle does not fit any more for long enough, it is given up, and the
  /// next attempt fetches a new one.
  package func attestationFailed(_ failure: AgentError) async {
    guard failure.code == .unknownAuthority, await !storage.current.bundle.isEmpty else { return }
    if mode == .never { return sayWhatHelps() }
    guard await isDue() else { return }
    logger.warning("The stored bundle does not fit the server; the next attempt fetches a new one")
    await keep { data in
      data.bundle = []
      data.bootstrapUse = .rebootstrap
    }
  }

  /// The server of a running agent, or of one that starts with a stored SVID, has an unknown authority. Returns when
  /// that is to be borne for now.
  ///
  /// - Parameter ending: the words with which the agent ends.
  /// - Throws: ``AgentError`` `fatal` when the agent has to end, to bootstrap when it is started again; SVID and bundle
  ///   are forgotten then.
  package func unknownAuthority(ending: String) async throws(AgentError) {
    guard mode != .never else { return sayWhatHelps() }
    guard await isDue() else {
      logger.info("The server's authority is unknown; ignoring for now")
      return
    }
    await keep { data in
      data.svid = []
      data.reattestable = false
      data.bundle = []
      data.bootstrapUse = .rebootstrap
    }
    throw AgentError(.fatal, ending)
  }

  /// Says once what an operator can do about an authority that the agent does not know and may not look for.
  private func sayWhatHelps() {
    let isNews = hasSaid.withLock { said in
      defer { said = true }
      return !said
    }
    guard isNews else { return }
    logger.error(
      "The server shows an authority that this agent does not know; if the server's CA was replaced, stop the agent, remove \(storage.path), and start it with the present bundle (`spire-server bundle show`) and, if it attests with one, a new join token (`spire-server token generate`). Nodes that can attest again do all that by themselves with rebootstrap_mode = \"auto\""
    )
  }

  /// The server was reached and verified.
  package func succeeded() async {
    let data = await storage.current
    guard data.bootstrapStartTime != AgentData.noTime || data.connectionAttempts != 0 else { return }
    await keep { data in
      data.bootstrapStartTime = AgentData.noTime
      data.connectionAttempts = 0
    }
  }

  /// Whether the condition has lasted for the delay; notes when it began.
  private func isDue() async -> Bool {
    guard mode != .never else { return false }
    let stored = await storage.current.bootstrapStartTime
    guard stored != AgentData.noTime, let start = GoTime.parseRFC3339(stored), start <= time.now else {
      let now = GoTime.rfc3339(time.now, nanos: true)
      await keep { $0.bootstrapStartTime = now }
      return delay <= .zero
    }
    return time.now.timeIntervalSince(start) >= delay.seconds
  }

  private func keep(_ change: @Sendable (inout AgentData) -> Void) async {
    do { try await storage.keep(change) } catch {
      logger.error("Could not store the state of bootstrapping", metadata: ["error": "\(error.message)"])
    }
    Self.report(await storage.current, to: metrics)
  }

  /// The gauges of bootstrapping (agent-behaviour §18).
  package static func report(_ data: AgentData, to metrics: Metrics) {
    let start = data.bootstrapStartTime == AgentData.noTime ? nil : GoTime.parseRFC3339(data.bootstrapStartTime)
    let mode = [MetricLabel("mode", data.bootstrapUse == .rebootstrap ? "rebootstrap" : "bootstrap")]
    metrics.setGauge(["bootstrapped"], to: start == nil ? 1 : 0)
    metrics.setGauge(["bootstrap_seconds"], to: start?.timeIntervalSince1970.rounded(.down) ?? 0, labels: mode)
    metrics.setGauge(["bootstrap_attempts"], to: Double(data.connectionAttempts), labels: mode)
  }
}
