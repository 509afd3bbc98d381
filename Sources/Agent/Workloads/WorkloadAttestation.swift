package import AgentPlugins
package import Daemon
package import Logging
package import SPIFFE

/// Finds out the selectors of a process with all configured attestors (agent-behaviour §10). Called concurrently.
///
/// Each call is attested anew: what a caller gets is decided by facts that were read after it asked. An attestor that
/// hangs counts as one that failed when its ``WorkloadAttestor/patience`` is over.
package struct WorkloadAttestation: Sendable {
  let attestors: [any WorkloadAttestor]
  /// What each attestor has under way.
  private let work: [BoundedWork]
  private let room: AttestationRoom
  let metrics: Metrics
  let logger: Logger

  /// The calls that one attestor may have under way, those that it never ended included.
  static let mostOfAttestor = 4096
  /// The attestations that wait for something and are of one user's callers.
  static let mostOfUser = 1024

  /// - Parameter logger: has the subsystem name `workload_attestor`.
  package init(
    attestors: [any WorkloadAttestor], time: any TimeSource = SystemTime(), mostOfUser: Int = Self.mostOfUser,
    metrics: Metrics, logger: Logger
  ) {
    self.attestors = attestors
    room = AttestationRoom(limit: mostOfUser)
    work = attestors.map { BoundedWork(deadline: $0.patience, limit: Self.mostOfAttestor, time: time) }
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
      let selectors = try await attest(caller)
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

  private func attest(_ caller: any WorkloadCaller) async throws(AgentError) -> [Selector] {
    let pid = caller.pid
    var results = attestors.map { atOnce(pid, with: $0) }
    let slow = results.indices.filter { results[$0] == nil }
    if !slow.isEmpty {
      if let user = caller.user, !room.take(user) {
        throw AgentError(.unavailable, "too many callers of the user \(user) are being attested")
      }
      defer { if let user = caller.user { room.giveBack(user) } }
      await withTaskGroup(of: (Int, Result<[String], AgentPluginError>).self) { group in
        for index in slow { group.addTask { (index, await attest(pid, with: index)) } }
        for await (index, result) in group { results[index] = result }
      }
    }
    var selectors: [Selector] = []
    var failures: [String] = []
    for (index, result) in results.enumerated() {
      switch result {
      case nil: continue
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

  private func atOnce(_ pid: Int32, with attestor: any WorkloadAttestor) -> Result<[String], AgentPluginError>? {
    guard let result = attestor.attestAtOnce(pid: pid) else { return nil }
    return counted(result, started(attestor))
  }

  /// Asks an attestor that waits for others: a runtime, a kubelet, a file server. None of them holds a caller for ever.
  private func attest(_ pid: Int32, with index: Int) async -> Result<[String], AgentPluginError> {
    let (attestor, work) = (attestors[index], work[index])
    let call = started(attestor)
    do throws(BoundedWork.Failure) {
      let result = try await work.run { () async -> Result<[String], AgentPluginError> in
        do throws(AgentPluginError) { return .success(try await attestor.attest(pid: pid)) } catch {
          return .failure(error)
        }
      }
      return counted(result, call)
    } catch {
      let reason =
        switch error {
        case .late: "no answer within \(GoDuration.format(work.deadline))"
        case .full: "\(work.limit) calls are under way or hang"
        case .cancelled: "the caller is gone"
        }
      return counted(
        .failure(AgentPluginError(.internalError, "workloadattestor(\(attestor.name)): \(reason)")), call)
    }
  }

  private func started(_ attestor: any WorkloadAttestor) -> CallCounter {
    metrics.startCall(["workload_api", "workload_attestor"], labels: [MetricLabel("attestor", attestor.name)])
  }

  private func counted(
    _ result: Result<[String], AgentPluginError>, _ call: CallCounter
  ) -> Result<[String], AgentPluginError> {
    switch result {
    case .success: call.done()
    case .failure(let error): call.done(error: error)
    }
    return result
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
