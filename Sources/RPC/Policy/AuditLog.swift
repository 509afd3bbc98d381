package import Logging
import Synchronization

/// The audit records of one call (server-behaviour §10.3): level info, message `API accessed`.
///
/// API methods add fields that name what was touched, or one record per item of a batch; the interceptor writes the
/// record of the call. Does nothing when the audit log is off; the fields are then not even computed.
package final class AuditLog: Sendable {
  private struct State {
    var fields: Logger.Metadata = [:]
    /// Fields of the call's record and of every item.
    var shared: Logger.Metadata = [:]
    var isDone = false
  }

  private let logger: Logger?
  private let mode: MethodPolicy.Audit
  private let state = Mutex(State())

  /// - Parameter logger: has the fields that all records share; `nil` when the audit log is off.
  package init(logger: Logger?, mode: MethodPolicy.Audit) {
    self.logger = mode == .none ? nil : logger
    self.mode = mode
  }

  /// Adds fields to the call's record.
  package func add(_ fields: @autoclosure () -> Logger.Metadata) {
    guard logger != nil else { return }
    let fields = fields()
    state.withLock { $0.fields.merge(fields) { $1 } }
  }

  /// Adds fields to the call's record and to every later item.
  func share(_ fields: @autoclosure () -> Logger.Metadata) {
    guard logger != nil else { return }
    let fields = fields()
    state.withLock { $0.shared.merge(fields) { $1 } }
  }

  /// Writes the record of one item of a batch.
  package func item(_ fields: @autoclosure () -> Logger.Metadata, failure: RPCFailure? = nil) {
    guard let logger else { return }
    write(logger, fields(), code: failure?.code.name, message: failure?.message)
  }

  /// Writes the record of the call, once. A refusal by authorization writes none and never gets here.
  func finish(code: String?, message: String?) {
    guard let logger else { return }
    let fields = state.withLock { state -> Logger.Metadata? in
      defer { state.isDone = true }
      return state.isDone ? nil : state.fields
    }
    guard let fields, code != nil || mode == .call else { return }
    write(logger, fields, code: code, message: message)
  }

  private func write(_ logger: Logger, _ fields: Logger.Metadata, code: String?, message: String?) {
    var fields = fields.merging(state.withLock { $0.shared }) { own, _ in own }
    if let code {
      fields["status"] = "error"
      fields["status_code"] = "\(code)"
      fields["status_message"] = "\(message ?? "")"
    } else {
      fields["status"] = "success"
    }
    logger.info("API accessed", metadata: fields)
  }
}
