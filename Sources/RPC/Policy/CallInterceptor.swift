package import Daemon
package import GRPCCore
import Glibc
package import Logging

/// The way of every call into an endpoint: row of the method, who may call, context, method, and what is recorded.
///
/// Order: counter → authorization → method (which takes its rate limit) → audit record → counter. Methods without a
/// handler never get here: the router answers UNIMPLEMENTED. Holds no state of its own.
package struct CallInterceptor: ServerInterceptor {
  private let policies: [String: [String: MethodPolicy]]
  private let authorizer: any CallAuthorizer
  private let logger: Logger
  private let metrics: Metrics
  private let style: CallLogStyle
  private let auditing: Bool

  /// - Parameters:
  ///   - policies: a row for each method that the endpoint serves.
  ///   - logger: what records about calls are written to, with its `subsystem_name`.
  ///   - auditing: whether the audit log is on (`audit_log_enabled`).
  package init(
    policies: [MethodPolicy], authorizer: any CallAuthorizer, logger: Logger, metrics: Metrics,
    style: CallLogStyle = .server, auditing: Bool = false
  ) {
    var table: [String: [String: MethodPolicy]] = [:]
    for policy in policies {
      table[policy.descriptor.service.fullyQualifiedService, default: [:]][policy.descriptor.method] = policy
    }
    self.policies = table
    self.authorizer = authorizer
    self.logger = logger
    self.metrics = metrics
    self.style = style
    self.auditing = auditing
  }

  /// The methods among `descriptors` that have no row. An endpoint must start with none.
  package func missing(from descriptors: [MethodDescriptor]) -> [MethodDescriptor] {
    descriptors.filter { policies[$0.service.fullyQualifiedService]?[$0.method] == nil }
  }

  // The frame of this method lives as long as the call, and the calls of the Workload API live for ever. So it keeps next
  // to nothing across its waits: whatever can be done without waiting is done in functions that are not inlined.
  package func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let recorder = try begin(context, request.metadata)
    if try !recorder.admitAtOnce(by: authorizer) { try await recorder.admit(by: authorizer) }
    let response: StreamingServerResponse<Output>
    do {
      response = try await next(request, recorder.call.replacing(context))
    } catch {
      throw recorder.finish(error)
    }
    return try recorder.finishing(response)
  }

  @inline(never)
  private func begin(_ context: ServerContext, _ metadata: Metadata) throws -> CallRecorder {
    guard let policy = policies[context.descriptor.service.fullyQualifiedService]?[context.descriptor.method] else {
      let full = MethodNames(context.descriptor).full
      logger.error("Method has no policy", metadata: ["method": "\(full)"])
      throw RPCError(code: .internalError, message: "rate limiting misconfigured for \"\(full)\"")
    }
    guard let peer = context.peer else { throw RPCError(code: .internalError, message: "caller is not known") }
    // SPIRE: the agent's calls to itself, to see whether it is healthy, are not counted.
    let isSelf = style == .agent && peer.caller.process?.pid == getpid()
    let metrics = isSelf ? Metrics.none : self.metrics
    let call = CallContext(
      policy: policy, peer: peer, logger: logger, metrics: metrics, style: style, auditing: auditing,
      deadline: context.deadline, isForced: metadata[stringValues: CallContext.forceKey].contains("true"),
      transport: context.transportSpecific as? ServerCall)
    return CallRecorder(call: call, counter: metrics.startCall(policy.names.callKey))
  }
}

extension CallContext {
  /// `context` for the method, which finds this call in it.
  @inline(never)
  fileprivate func replacing(_ context: ServerContext) -> ServerContext {
    var context = context
    context.transportSpecific = self
    return context
  }
}

extension CallRecorder {
  /// Decides who needs no look-up. Returns whether the caller was let in; if not, ``admit(by:)`` decides.
  @inline(never)
  fileprivate func admitAtOnce(by authorizer: any CallAuthorizer) throws -> Bool {
    do {
      guard let authorization = try CallAuthorization(authorizer: authorizer).atOnce(call) else { return false }
      call.authorized(authorization)
      return true
    } catch {
      throw refused(error)
    }
  }

  @inline(never)
  fileprivate func admit(by authorizer: any CallAuthorizer) async throws {
    do {
      call.authorized(try await CallAuthorization(authorizer: authorizer).authorize(call))
    } catch {
      throw refused(error)
    }
  }

  /// The response of the method, whose end is recorded.
  @inline(never)
  fileprivate func finishing<Output: Sendable>(
    _ response: StreamingServerResponse<Output>
  ) throws -> StreamingServerResponse<Output> {
    var response = response
    switch response.accepted {
    case .failure(let error):
      throw finish(error)
    case .success(var contents):
      let producer = contents.producer
      contents.producer = { writer in
        do {
          let trailers = try await producer(writer)
          guard let stream = call.takeStream() else {
            finish()
            return trailers
          }
          stream.whenEnded { result in
            switch result {
            case .success: finish()
            case .failure(let error): _ = finish(error)
            }
          }
          return trailers
        } catch {
          throw finish(error)
        }
      }
      response.accepted = .success(contents)
      return response
    }
  }
}
