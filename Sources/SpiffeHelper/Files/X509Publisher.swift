import Daemon
import Logging
import SVIDFiles
import Synchronization
import WorkloadClient
import WorkloadProtos

/// Turns answers of the Workload API into the three X.509 files. The watch, or the single fetch, calls it from one task at
/// a time; a lock guards what was written last.
final class X509Publisher: Sendable {
  private let plan: X509FilePlan
  private let hint: String
  private let files: HelperFiles
  private let time: any TimeSource
  private let logger: Logger
  private let written = Mutex<[PlannedFile]>([])

  init(_ plan: X509FilePlan, hint: String, files: HelperFiles, time: any TimeSource, logger: Logger) {
    self.plan = plan
    self.hint = hint
    self.files = files
    self.time = time
    self.logger = logger
  }

  /// Writes what is new; false when the files hold it already.
  func publish(_ response: WorkloadX509SVIDResponse) async throws -> Bool {
    let document = try X509Document(response)
    for svid in document.svids { logger.info("Received update", metadata: ["spiffe_id": "\(svid.spiffeID)"]) }
    let planned = try plan.files(for: try document.material(hint: hint), at: time.now)
    // A stream that was opened again begins with what is known: nobody is to be woken for it.
    if written.withLock({ $0 == planned }), await files.hasAll(planned) { return false }
    try await files.write(planned)
    written.withLock { $0 = planned }
    return true
  }
}
