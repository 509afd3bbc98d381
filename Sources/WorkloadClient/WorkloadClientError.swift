package import Daemon

/// An answer of a Workload API that holds something unusable. Equal by code; its text is shown as it is.
package typealias WorkloadClientError = CodedError<WorkloadClientErrorCode>

/// The kinds of ``WorkloadClientError``.
package enum WorkloadClientErrorCode: Sendable {
  /// A certificate, a key or a bundle cannot be read.
  case malformed
}
