import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// One call inside an API method: the call's context and the fields that its log lines have gathered so far.
///
/// A value: a method that works on items copies it, so that the fields of one item do not leak into the next.
struct APICall: Sendable {
  let context: CallContext
  private var notes: [(name: String, value: Logger.MetadataValue)] = []

  init(_ context: ServerContext) throws { self.context = try context.call }

  // MARK: Log and audit

  /// Adds a field to the log lines that follow.
  mutating func note(_ name: String, _ value: String) { notes.append((name, .string(value))) }
  mutating func note(_ name: String, _ value: Logger.MetadataValue) { notes.append((name, value)) }

  /// The fields gathered so far; of two with one name the later one counts.
  private var fields: Logger.Metadata {
    var fields: Logger.Metadata = [:]
    for note in notes { fields[note.name] = note.value }
    return fields
  }

  /// Logs with more fields than were gathered. Neither is put together when nobody wants to read it.
  func debug(_ message: String, _ more: @autoclosure () -> [String: String] = [:]) {
    guard context.logs(.debug) else { return }
    context.logger.debug("\(message)", metadata: fields.merging(more().mapValues { .string($0) }) { $1 })
  }
  func debug(_ message: String, _ more: @autoclosure () -> Logger.Metadata) {
    guard context.logs(.debug) else { return }
    context.logger.debug("\(message)", metadata: fields.merging(more()) { $1 })
  }
  func info(_ message: String) { context.logger.info("\(message)", metadata: fields) }
  func warning(_ message: String) { context.logger.warning("\(message)", metadata: fields) }
  func error(_ message: String) { context.logger.error("\(message)", metadata: fields) }

  /// Adds fields to the call's audit record. They are not computed when there is no audit log.
  func audit(_ fields: @autoclosure () -> [String: String]) { context.audit.add(fields().mapValues { .string($0) }) }
  func audit(_ fields: @autoclosure () -> Logger.Metadata) { context.audit.add(fields()) }

  /// Writes the audit record of one item of a batch.
  func auditItem(_ fields: @autoclosure () -> [String: String], status: Spire_Api_Types_Status) {
    auditItem(fields().mapValues { Logger.MetadataValue.string($0) }, status: status)
  }

  func auditItem(_ fields: @autoclosure () -> Logger.Metadata, status: Spire_Api_Types_Status) {
    context.audit.item(
      fields(), failure: RPCError.Code(number: status.code).map { RPCFailure($0, status.message) })
  }

  // MARK: The caller

  /// The caller's SPIFFE ID, for methods that only callers with one get to.
  func requireCallerID() throws -> SPIFFEID {
    guard let id = context.caller.id else { throw failure(.internalError, "caller ID missing from request context") }
    return id
  }

  /// Whether the caller asks to go past a check that upstream does not make.
  var isForced: Bool { context.isForced }

  /// Where the call came from; empty for local callers.
  var remoteAddress: String { context.caller.address?.description ?? "" }

  /// Takes tokens of the method's rate limit.
  func limitRate(_ refusing: String, count: Int = 1) async throws {
    try await context.limit(count, refusing: refusing)
  }

  // MARK: Failures

  /// Logs why the call fails and returns what to throw (server-behaviour §6.2).
  func failure(_ code: RPCError.Code, _ message: String, _ cause: (any Error)? = nil) -> RPCFailure {
    // SPIRE: what was not found is all there is to say; the cause is not even logged.
    let code = code == .internalError && Self.isOutage(cause) ? .unavailable : code
    return context.failure(code, message, cause: code == .notFound ? nil : cause, fields: fields)
  }

  /// Whether the datastore is away: the call may be tried again, and upstream's INTERNAL would say the contrary.
  private static func isOutage(_ cause: (any Error)?) -> Bool {
    switch cause {
    case let error as DatastoreError: error.code == .unavailable
    case let error as AuthorityError: error.code == .unavailable || isOutage(error.cause)
    default: false
    }
  }

  /// A refusal whose reason agents read from the status details.
  func failure(
    _ code: RPCError.Code, _ message: String, reason: Spire_Api_Types_PermissionDeniedDetails.Reason
  ) -> RPCFailure {
    var failure = failure(code, message)
    failure.details = [Spire_Api_Types_PermissionDeniedDetails.with { $0.reason = reason }]
    return failure
  }

  /// Logs why an item of a batch fails and returns its status.
  func status(_ code: RPCError.Code, _ message: String, _ cause: (any Error)? = nil) -> Spire_Api_Types_Status {
    let failure = failure(code, message, cause)
    return Spire_Api_Types_Status(failure.code, failure.message)
  }

  func status(_ error: APIItemError) -> Spire_Api_Types_Status { status(error.code, error.message, error.cause) }
}

/// Why one item of a batch failed: what ``APICall/status(_:_:_:)`` makes its status of.
struct APIItemError: Error {
  let code: RPCError.Code
  let message: String
  let cause: (any Error)?

  init(_ code: RPCError.Code, _ message: String, _ cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }
}

extension Spire_Api_Types_Status {
  init(_ code: RPCError.Code, _ message: String) {
    self.init()
    self.code = Int32(code.rawValue)
    self.message = message
  }

  /// What an item that went well says.
  static var ok: Self {
    var status = Self()
    status.message = "OK"
    return status
  }
}

extension Logger.MetadataValue {
  /// A number or a boolean, which stays one in JSON.
  static func value(_ value: some CustomStringConvertible & Sendable) -> Self { .stringConvertible(value) }
}

extension DatastoreError {
  /// The gRPC code of the same name.
  var rpcCode: RPCError.Code { RPCError.Code(name: statusName) ?? .internalError }
}
