package import AgentPlugins
import Daemon
import GRPCCore
import Logging
package import RPC
import SPIFFE
import SwiftProtobuf
import WorkloadProtos

/// The service `spiffe.broker.API`: identities of the workloads that a broker names (SPIFFE Broker API; agent-behaviour
/// §14).
///
/// One per socket, a value over the parts that the sockets share, called from any task. Whether the caller still is a
/// broker, and a process that it named still runs, is asked before each message, when entries or bundles change, and when
/// the caller's SVID ends.
package struct BrokerService: Spiffe_Broker_API.SimpleServiceProtocol {
  /// Whoever got through the handshake may call; it lets in brokers alone.
  package static let policies = Spiffe_Broker_API.Method.descriptors.map {
    MethodPolicy($0, callers: .any, audit: .none)
  }

  let parts: BrokerParts
  let processes: HostProcesses

  package init(_ parts: BrokerParts, processes: HostProcesses = .ofEnvironment()) {
    self.parts = parts
    self.processes = processes
  }

  /// One call: who makes it, about whom, and where to log.
  struct Call: Sendable {
    let context: CallContext
    let caller: BrokerCaller
    let logger: Logger

    /// Asks whether the caller still is a broker. If not, its connection takes no more calls: the next one comes with
    /// the SVID that it has then.
    func check() throws(RPCFailure) {
      do { try caller.check() } catch {
        logger.error("Broker refused", metadata: ["error": "\(error.message)"])
        context.peer.drain()
        throw RPCFailure(error)
      }
    }
  }

  /// The workload of a call.
  struct Target: Sendable {
    let selectors: Set<Selector>
    /// Nil for references of other kinds, which are not followed.
    let process: NamedProcess?

    func check() throws(RPCFailure) {
      guard let process, !process.isAlive else { return }
      throw BrokerFailure.gone("process \(process.pid) ended")
    }
  }

  /// What comes before and after every method: counting, and errors as callers see them.
  func serve<T>(_ body: () async throws -> T) async throws -> T {
    try await parts.connections.counted {
      do { return try await body() } catch let error as AgentError { throw RPCFailure(error) }
    }
  }

  func begin(_ context: CallContext) throws(RPCFailure) -> Call {
    guard let svid = context.peer.svid else {
      throw RPCFailure(.unauthenticated, "unable to determine caller identity")
    }
    var logger = context.logger
    logger[metadataKey: "broker_peer"] = "\(svid.id)"
    let call = Call(context: context, caller: BrokerCaller(svid, parts.trust), logger: logger)
    try call.check()
    return call
  }

  // MARK: About whom

  /// The workload that a reference names, if the caller may name it so.
  func target(_ message: Spiffe_Broker_WorkloadReference, _ call: Call) async throws -> Target {
    let url = message.reference.typeURL
    guard message.hasReference, !url.isEmpty else {
      call.logger.error("No workload reference provided")
      throw BrokerFailure.noReference
    }
    guard url.utf8.count <= BrokerReference.maximumURLBytes else { throw invalid(BrokerReference.tooLong, call) }
    try authorize(url, call)
    let reference: WorkloadReference
    do { reference = try BrokerReference.decode(typeURL: url, value: message.reference.value) } catch {
      throw invalid(error, call)
    }
    guard case .pid(let pid) = reference else {
      return Target(selectors: try await selectors(reference, url, call), process: nil)
    }
    // Taken hold of first, so that what is attested is what was named.
    let process: NamedProcess
    do { process = try NamedProcess(pid: pid, processes: processes) } catch {
      throw attestationFailed(BrokerFailure.gone(error.message), call)
    }
    let selectors = try await selectors(reference, url, call)
    do { try await process.verify() } catch { throw attestationFailed(BrokerFailure.gone(error.message), call) }
    return Target(selectors: selectors, process: process)
  }

  private func authorize(_ url: String, _ call: Call) throws(RPCFailure) {
    let isTCP = call.context.caller.process == nil
    let id = call.caller.id
    switch parts.settings.brokers[id]?.verdict(on: url, isTCP: isTCP) ?? .notAllowed {
    case .allowed: return
    case .notAllowed:
      throw RPCFailure(
        .permissionDenied,
        "broker \(GoText.quote(id.description)) is not allowed to use reference type \(GoText.quote(url))",
        reason: BrokerFailure.notEntitled)
    case .notOverTCP:
      throw RPCFailure(
        .permissionDenied,
        "reference type \(GoText.quote(url)) is not allowed over TCP for broker \(GoText.quote(id.description))",
        reason: BrokerFailure.notEntitled)
    }
  }

  private func selectors(_ reference: WorkloadReference, _ url: String, _ call: Call) async throws -> Set<Selector> {
    do {
      return Set(
        try await parts.attestation.selectors(of: reference, typeURL: url, for: call.caller.id, parts.time))
    } catch let error as AgentError {
      throw attestationFailed(BrokerFailure.attestation(error), call)
    }
  }

  private func invalid(_ fault: BrokerReference.Fault, _ call: Call) -> RPCFailure {
    attestationFailed(
      RPCFailure(.invalidArgument, fault.description, reason: BrokerFailure.referenceInvalid), call)
  }

  private func attestationFailed(_ failure: RPCFailure, _ call: Call) -> RPCFailure {
    call.logger.error("Workload attestation failed", metadata: ["error": "\(failure.message)"])
    return failure
  }

  // MARK: Streams

  /// Runs `body` for as long as the caller is a broker and the workload is there; `body` is given what to ask before
  /// each message.
  func whileAllowed(
    _ call: Call, _ target: Target, _ body: @escaping @Sendable (@Sendable () throws -> Void) async throws -> Void
  ) async throws {
    let mayGoOn: @Sendable () throws -> Void = {
      try call.check()
      try target.check()
    }
    let interval: @Sendable () -> Duration = {
      target.process == nil ? call.caller.interval : min(call.caller.interval, DelegatedIdentityAPI.processInterval)
    }
    try await parts.cache.whileAllowed(parts.time, every: interval, check: mayGoOn) { try await body(mayGoOn) }
  }
}
