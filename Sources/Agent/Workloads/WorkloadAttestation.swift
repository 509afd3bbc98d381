package import AgentPlugins
package import Daemon
package import Logging
package import SPIFFE

/// Finds out the selectors of a process with all configured attestors (agent-behaviour §10). Immutable; called
/// concurrently.
package struct WorkloadAttestation: Sendable {
  let attestors: [any WorkloadAttestor]
  let metrics: Metrics
  let logger: Logger

  /// - Parameter logger: has the subsystem name `workload_attestor`.
  package init(attestors: [any WorkloadAttestor], metrics: Metrics, logger: Logger) {
    self.attestors = attestors
    self.metrics = metrics
    self.logger = logger
  }

  /// Whether records of level debug are written. Asking costs nothing, unlike making them.
  var logsDebug: Bool { logger.logLevel <= .debug }

  /// The caller's selectors, in the order of the attestors.
  ///
  /// An attestor that fails is logged and its selectors are missing. It is an error when all fail, and when the process
  /// that was attested is not, any more, the one that connected.
  package func selectors(of caller: any WorkloadCaller) async throws(AgentError) -> [Selector] {
    guard caller.pid > 0 else {
      throw AgentError(
        .unauthenticated, "the caller is in another PID namespace; run the agent in the host's PID namespace")
    }
    let call = metrics.startCall(["workload_api", "workload_attestation"])
    do throws(AgentError) {
      let selectors = try await attest(caller.pid, isQuiet: caller.isSelf)
      // Attest first, verify after: what was learned is the caller's only if the caller was there all the time.
      try await caller.verify()
      call.done()
      metrics.addSample(["workload_api", "discovered_selectors"], Double(selectors.count))
      if !caller.isSelf {
        logger.debug(
          "PID attested to have selectors",
          metadata: ["pid": .stringConvertible(caller.pid), "selectors": "\(Self.text(selectors))"])
      }
      return selectors
    } catch {
      call.done(error: error)
      throw error
    }
  }

  private func attest(_ pid: Int32, isQuiet: Bool) async throws(AgentError) -> [Selector] {
    var results: [(Int, Result<[String], AgentPluginError>)] = []
    if attestors.count == 1 {
      results = [(0, await attest(pid, with: attestors[0]))]
    } else {
      await withTaskGroup(of: (Int, Result<[String], AgentPluginError>).self) { group in
        for (index, attestor) in attestors.enumerated() {
          group.addTask { (index, await attest(pid, with: attestor)) }
        }
        for await result in group { results.append(result) }
      }
      results.sort { $0.0 < $1.0 }
    }
    var selectors: [Selector] = []
    var failures: [String] = []
    for (index, result) in results {
      switch result {
      case .success(let values): selectors += values.map { Selector(type: attestors[index].name, value: $0) }
      case .failure(let error):
        failures.append(error.message)
        logger.error(
          "Failed to collect all selectors for PID",
          metadata: ["error": "\(error.message)", "pid": .stringConvertible(pid)])
      }
    }
    if failures.count == attestors.count {
      throw AgentError(.unavailable, "workload attestation failed: \(failures.joined(separator: "; "))")
    }
    return selectors
  }

  private func attest(_ pid: Int32, with attestor: any WorkloadAttestor) async -> Result<[String], AgentPluginError> {
    let call = metrics.startCall(
      ["workload_api", "workload_attestor"], labels: [MetricLabel("attestor", attestor.name)])
    do throws(AgentPluginError) {
      let values = try await attestor.attest(pid: pid)
      call.done()
      return .success(values)
    } catch {
      call.done(error: error)
      return .failure(error)
    }
  }

  /// The selectors as upstream's log shows them: `[type:"unix" value:"uid:0" …]`.
  static func text(_ selectors: [Selector]) -> String {
    let items = selectors.map { "type:\(quoted($0.type)) value:\(quoted($0.value))" }
    return "[" + items.joined(separator: " ") + "]"
  }

  private static func quoted(_ text: String) -> String {
    JSONValue.string(text).text(JSONStyle(escapesHTML: false))
  }
}
