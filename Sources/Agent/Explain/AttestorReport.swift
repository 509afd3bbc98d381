import AgentPlugins
import Daemon
package import SPIFFE

/// What one workload attestor found out about a process, or why it did not. A value.
package struct AttestorReport: Sendable {
  package let name: String
  package let selectors: [Selector]
  package let error: String?
}

extension WorkloadAttestation {
  /// Asks every attestor about a process, one result each, in their order. Nobody is entitled to anything by it: it is
  /// for explanations, and neither logged nor counted.
  func reports(on pid: Int32, atMost limit: Duration, _ time: any TimeSource) async -> [AttestorReport] {
    await withTaskGroup(of: (Int, AttestorReport).self) { group in
      for (index, attestor) in attestors.enumerated() {
        group.addTask { (index, await Self.report(attestor, pid, limit, time)) }
      }
      var reports: [(Int, AttestorReport)] = []
      for await report in group { reports.append(report) }
      return reports.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private static func report(
    _ attestor: any WorkloadAttestor, _ pid: Int32, _ limit: Duration, _ time: any TimeSource
  ) async -> AttestorReport {
    do throws(BoundedWork.Failure) {
      return try await BoundedWork(deadline: limit, limit: 1, time: time).run { () async -> AttestorReport in
        do throws(AgentPluginError) {
          let selectors = try await attestor.attest(pid: pid).map { Selector(type: attestor.name, value: $0) }
          return AttestorReport(name: attestor.name, selectors: selectors, error: nil)
        } catch {
          return AttestorReport(name: attestor.name, selectors: [], error: error.message)
        }
      }
    } catch {
      let reason = error == .late ? "it did not answer within \(GoDuration.format(limit))" : "canceled"
      return AttestorReport(name: attestor.name, selectors: [], error: reason)
    }
  }
}
