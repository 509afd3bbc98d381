package import Daemon
import FoundationEssentials
package import GRPCCore
package import Logging
import Synchronization

/// One call as an API method sees it: who calls, why it was let in, where to log, what to audit.
///
/// ``CallInterceptor`` makes it and hands it on with the call's context:
///
/// ```swift
/// func deleteAgent(request: DeleteAgentRequest, context: ServerContext) async throws -> Empty {
///   let call = try context.call
///   guard let id = agentID(request) else { throw call.failure(.invalidArgument, "invalid agent ID") }
///   call.audit.add(["spiffe_id": "\(id)"])
///   ...
///   call.logger.info("Agent deleted", metadata: ["spiffe_id": "\(id)"])
/// }
/// ```
package final class CallContext: ServerContext.TransportSpecific {
  private struct State {
    var requestID: String?
    var authorization: Authorization?
    var labels: [MetricLabel] = []
    var logger: Logger?
    /// The stream that goes on after the method has returned.
    var stream: OpenStream?

    mutating func identify() -> String {
      if let requestID { return requestID }
      let made = RandomUUID.text()
      requestID = made
      return made
    }
  }

  package let policy: MethodPolicy
  package let peer: PeerConnection
  /// When the caller gives up, if it said so.
  package let deadline: ContinuousClock.Instant?
  /// Whether the caller asks to go past a check that this program makes and upstream does not: request metadata
  /// ``forceKey`` `true`, since upstream's messages have no room for it.
  package let isForced: Bool
  package let audit: AuditLog
  package let metrics: Metrics

  package static let forceKey = "swift-spire-force"
  private let base: Logger
  private let transport: ServerCall?
  private let state = Mutex(State())
  private let style: CallLogStyle

  package convenience init(
    policy: MethodPolicy, peer: PeerConnection, logger: Logger, metrics: Metrics = .none, style: CallLogStyle = .server,
    auditing: Bool = false, deadline: ContinuousClock.Instant? = nil, isForced: Bool = false
  ) {
    self.init(
      policy: policy, peer: peer, logger: logger, metrics: metrics, style: style, auditing: auditing,
      deadline: deadline, isForced: isForced, transport: nil)
  }

  init(
    policy: MethodPolicy, peer: PeerConnection, logger: Logger, metrics: Metrics, style: CallLogStyle, auditing: Bool,
    deadline: ContinuousClock.Instant?, isForced: Bool, transport: ServerCall?
  ) {
    self.transport = transport
    self.policy = policy
    self.peer = peer
    self.deadline = deadline
    self.isForced = isForced
    self.metrics = metrics
    self.style = style
    base = logger
    var auditLogger: Logger?
    if auditing {
      let requestID = RandomUUID.text()
      state.withLock { $0.requestID = requestID }
      auditLogger = style.logger(logger, policy: policy, caller: peer.caller, requestID: requestID)
      auditLogger?[metadataKey: "type"] = "audit"
      if let process = peer.caller.process {
        auditLogger?[metadataKey: "caller_uid"] = .stringConvertible(process.uid)
        auditLogger?[metadataKey: "caller_gid"] = .stringConvertible(process.gid)
        auditLogger?[metadataKey: "caller_path"] = "\(process.executablePath ?? "")"
      }
    }
    audit = AuditLog(logger: auditLogger, mode: policy.audit)
  }

  package var caller: Caller { peer.caller }

  /// A UUID that is in every record about this call. Made when the first record needs it: most calls have none.
  package var requestID: String { state.withLock { $0.identify() } }

  /// Whether records of this level are written, so that what they say need not be put together for nothing.
  package func logs(_ level: Logger.Level) -> Bool { base.logLevel <= level }

  /// Why the call was let in; `nil` until then.
  package var authorization: Authorization? { state.withLock { $0.authorization } }

  func authorized(_ authorization: Authorization) {
    state.withLock { state in
      state.authorization = authorization
      state.logger = nil
    }
    if style == .server {
      audit.share(["authorized_as": "\(authorization.role)", "authorized_via": "\(authorization.via)"])
    }
  }

  /// A logger with the fields that all records about this call share. Made at the first use.
  package var logger: Logger {
    state.withLock { state in
      if let logger = state.logger { return logger }
      var logger = style.logger(base, policy: policy, caller: peer.caller, requestID: state.identify())
      if let authorization = state.authorization, style == .server {
        logger[metadataKey: "authorized_as"] = "\(authorization.role)"
        logger[metadataKey: "authorized_via"] = "\(authorization.via)"
      }
      state.logger = logger
      return logger
    }
  }

  /// Adds a label to the call's counter, known only during the call.
  package func addMetricLabel(_ name: String, _ value: String) {
    state.withLock { $0.labels.append(MetricLabel(name, value)) }
  }

  var labels: [MetricLabel] { state.withLock { $0.labels } }

  /// Lets the call's connection go: its streams end, it takes no more calls, and it is closed when the last one is over.
  /// For one whose peer is not, any more, who it was; an honest client connects again.
  package func endConnection() {
    guard let transport else { return }
    transport.onLoop { transport.connection.beginDrain(isShutdown: true) }
  }

  /// Leaves the response stream open when the method returns; what it sends from now on comes from `feed`. Called by a
  /// method as the last thing it does; its call ends, in counter and audit log too, with the stream.
  package func keepOpen(_ feed: any StreamFeed) async {
    let stream = OpenStream(feed) { [self] in CallRecorder.status(for: $0, call: self) }
    state.withLock { $0.stream = stream }
    if let transport { await transport.keepOpen(stream) } else { stream.ended(.failure(CancellationError())) }
  }

  /// Takes the open stream, if the method left one.
  func takeStream() -> OpenStream? { state.withLock { $0.stream.take() } }

  /// Logs why the call, or an item of it, fails, and returns the failure to throw or to report
  /// (the rules of server-behaviour §6.2).
  ///
  /// The caller reads `message: cause`; for `notFound` only `message`.
  package func failure(
    _ code: RPCError.Code, _ message: String, cause: (any Error)? = nil, fields: Logger.Metadata = [:]
  ) -> RPCFailure {
    var fields = fields
    let reason = cause.map { describe($0) }
    if let reason { fields["error"] = "\(reason)" }
    if code == .invalidArgument {
      logger.error("Invalid argument: \(message)", metadata: fields)
    } else {
      logger.error("\(message.prefix(1).uppercased() + message.dropFirst())", metadata: fields)
    }
    guard let reason, code != .notFound else { return RPCFailure(code, message, cause: cause) }
    return RPCFailure(code, "\(message): \(reason)", cause: cause)
  }

  /// Takes `count` tokens of the method's rate limit for the caller's address. Local callers have no limit.
  ///
  /// - Parameter refusing: what the refusal's message begins with.
  package func limit(_ count: Int, refusing: String) async throws {
    guard let limiter = policy.rateLimit, let address = caller.address else { return }
    let counter = metrics.startCall(policy.names.rateLimitKey)
    let patience = deadline.map { ContinuousClock.now.duration(to: $0) }
    do {
      try await limiter.take(count, for: address.ip, patience: patience)
      counter.done()
    } catch {
      counter.done(error: error)
      guard let failure = error as? RPCFailure else { throw error }
      throw self.failure(failure.code, refusing, cause: failure)
    }
  }
}

/// The text of an error inside a message: without the code of gRPC errors.
package func describe(_ error: any Error) -> String {
  if let error = error as? RPCError { return error.message }
  return "\(error)"
}

extension ServerContext {
  /// The call as ``CallInterceptor`` prepared it.
  ///
  /// - Throws: ``RPCFailure`` `internalError` when the endpoint has no such interceptor.
  package var call: CallContext {
    get throws {
      guard let call = transportSpecific as? CallContext else {
        throw RPCFailure(.internalError, "call context missing: the endpoint has no CallInterceptor")
      }
      return call
    }
  }
}
