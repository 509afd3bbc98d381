package import AgentPlugins
package import Daemon
import Logging
package import SPIFFE

/// Attestation of what a broker names (agent-behaviour §10, §14).
extension WorkloadAttestation {
  /// How long one attestor may take with a reference: the Kubernetes one may have to wait until a pod runs.
  package static let referencePatience: Duration = .seconds(60)

  /// What one attestor says: nil when it does not know this kind of reference.
  private typealias Answer = Result<[String]?, AgentPluginError>

  /// The selectors of the workload that `reference` names, in the order of the attestors.
  ///
  /// - Parameters:
  ///   - typeURL: the reference's type, for the log.
  ///   - broker: who asks; its identity is proven.
  /// - Throws: ``AgentError``: `unimplemented` when no attestor knows this kind of reference; the first attestor's code
  ///   when all that know it fail.
  package func selectors(
    of reference: WorkloadReference, typeURL: String, for broker: SPIFFEID, _ time: any TimeSource
  ) async throws -> [Selector] {
    let call = metrics.startCall(["workload_api", "workload_attestation"])
    do {
      let answers = try await ask(reference, broker, time)
      let selectors = try merge(answers, typeURL)
      call.done()
      metrics.addSample(["workload_api", "discovered_selectors"], Double(selectors.count))
      if logsDebug {
        logger.debug(
          "Reference attested to have selectors",
          metadata: ["reference_type": "\(typeURL)", "selectors": "\(Self.text(selectors))"])
      }
      return selectors
    } catch {
      call.done(error: error)
      throw error
    }
  }

  private func ask(
    _ reference: WorkloadReference, _ broker: SPIFFEID, _ time: any TimeSource
  ) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      for (index, attestor) in attestors.enumerated() {
        group.addTask { (index, try await ask(attestor, reference, broker, time)) }
      }
      var answers: [(Int, Answer)] = []
      for try await answer in group { answers.append(answer) }
      return answers.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func ask(
    _ attestor: any WorkloadAttestor, _ reference: WorkloadReference, _ broker: SPIFFEID, _ time: any TimeSource
  ) async throws -> Answer {
    let call = metrics.startCall(
      ["workload_api", "workload_attestor"], labels: [MetricLabel("attestor", attestor.name)])
    do {
      let late = AgentError(
        .deadlineExceeded, "it did not answer within \(GoDuration.format(Self.referencePatience))")
      let values = try await withTimeout(Self.referencePatience, time, late: late) {
        try await attestor.attest(reference, for: broker)
      }
      call.done()
      return .success(values)
    } catch let error as AgentPluginError where error.code == .unimplemented {
      call.done()
      return .success(nil)
    } catch {
      try Task.checkCancellation()
      call.done(error: error)
      let failure = AgentError.wrapping(error)
      return .failure(
        (error as? AgentPluginError)
          ?? AgentPluginError(.deadlineExceeded, "workloadattestor(\(attestor.name)): \(failure.message)", cause: error)
      )
    }
  }

  private func merge(_ answers: [Answer], _ typeURL: String) throws(AgentError) -> [Selector] {
    var selectors: [Selector] = []
    var failures: [(code: AgentError.Code, text: String)] = []
    var succeeded = 0
    for (attestor, answer) in zip(attestors, answers) {
      switch answer {
      case .success(nil): break
      case .success(let values?):
        succeeded += 1
        selectors += values.map { Selector(type: attestor.name, value: $0) }
      case .failure(let error):
        // SPIRE: the text of a wrapped gRPC status.
        failures.append(
          (
            AgentError.Code(rawValue: error.code.rawValue) ?? .unknown,
            "workload attestor \"\(attestor.name)\" failed: rpc error: code = \(error.code.rawValue) desc = "
              + error.message
          ))
        logger.error(
          "workload attestor \"\(attestor.name)\" failed",
          metadata: ["error": "\(error.message)", "reference_type": "\(typeURL)"])
      }
    }
    if succeeded == 0, let first = failures.first {
      throw AgentError(first.code, failures.map(\.text).joined(separator: "\n"))
    }
    guard succeeded > 0 else { throw AgentError(.unimplemented, "no workload attestor handled reference") }
    if !failures.isEmpty {
      logger.error(
        "Failed to collect all selectors",
        metadata: ["error": "\(failures.map(\.text).joined(separator: "; "))", "reference_type": "\(typeURL)"])
    }
    return selectors
  }
}
