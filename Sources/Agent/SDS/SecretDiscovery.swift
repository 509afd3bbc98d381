package import Daemon
import GRPCCore
import Logging
import SPIFFE

/// Envoy's secret discovery without its wire: who is asking, and what they get (agent-behaviour §12).
/// ``SecretDiscoveryService`` puts it on gRPC.
///
/// Shared by all calls; each stream has its own ``SecretSession``. Callers are attested and limited as those of the
/// ``WorkloadAPI`` are, by the same parts.
package final class SecretDiscovery: Sendable {
  private let api: WorkloadAPI
  private let names: SecretNames
  private let connections: APIConnections
  private let nonce: @Sendable () -> UInt32

  package init(
    _ api: WorkloadAPI, names: SecretNames, metrics: Metrics,
    nonce: @escaping @Sendable () -> UInt32 = { UInt32.random(in: .min ... .max) }
  ) {
    self.api = api
    self.names = names
    self.nonce = nonce
    connections = APIConnections("sds_api", metrics: metrics)
  }

  /// Answers the requests of one stream until the client leaves or asks for what is not its own.
  package func stream(
    _ call: WorkloadAPI.Call, requests: some AsyncSequence<SecretRequest, any Error> & Sendable,
    send: @escaping @Sendable (SecretResponse) async throws -> Void
  ) async throws {
    try await connections.counted {
      let selectors = Set(try await api.attest(call))
      let session = SecretSession(names, nonce: nonce)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await self.read(requests, call, session, send) }
        defer { group.cancelAll() }
        try await follow(selectors, call, session, send)
      }
    }
  }

  /// One response, without version and nonce.
  package func fetch(_ call: WorkloadAPI.Call, _ request: SecretRequest) async throws -> SecretResponse {
    try await connections.counted {
      let selectors = Set(try await api.attest(call))
      var stream = SecretStream(names)
      log(stream.receive(request), request, request.node, call)
      while true {
        guard let update = await api.cache.withSubscription(selectors, { await $0.first { _ in true } }) else {
          throw WorkloadAPI.ended
        }
        stream.receive(update)
        switch stream.next(nonce: { 0 }) {
        case .send(var response):
          response.version = ""
          response.nonce = ""
          logSending(response, call)
          return response
        case .end(let error):
          call.logger.error("Error building fetch secrets response", metadata: ["error": "\(error.message)"])
          throw error
        case .lookAgain, nil:
          await api.lookAgain(call) { true }
          stream.lookedAgain()
        }
      }
    }
  }

  // MARK: A stream

  private func read(
    _ requests: some AsyncSequence<SecretRequest, any Error>, _ call: WorkloadAPI.Call, _ session: SecretSession,
    _ send: @Sendable (SecretResponse) async throws -> Void
  ) async {
    do {
      for try await request in requests {
        let (notes, node) = session.receive(request)
        log(notes, request, node, call)
        await answer(call, session, send)
      }
      session.close()
      await answer(call, session, send)
    } catch {
      // A client that leaves has done nothing wrong.
      let isLeaving = error is CancellationError || (error as? RPCError)?.code == .cancelled
      if !isLeaving {
        call.logger.error("Received error from stream secrets server", metadata: ["error": "\(error)"])
      }
      session.call(.failed(isLeaving ? CancellationError() : error))
    }
  }

  /// Takes updates from one subscription after the other until the stream ends.
  private func follow(
    _ selectors: Set<Selector>, _ call: WorkloadAPI.Call, _ session: SecretSession,
    _ send: @Sendable (SecretResponse) async throws -> Void
  ) async throws {
    while true {
      await api.cache.withSubscription(selectors) { updates in
        session.follow(updates)
        for await update in updates {
          session.receive(update)
          await answer(call, session, send)
        }
      }
      switch session.takeTurn() {
      case .anew: continue
      case .finished: return
      case .failed(let error): throw error
      case nil:
        try Task.checkCancellation()
        throw WorkloadAPI.ended
      }
    }
  }

  /// Sends what there is to send, unless the other task is at it.
  private func answer(
    _ call: WorkloadAPI.Call, _ session: SecretSession, _ send: @Sendable (SecretResponse) async throws -> Void
  ) async {
    guard session.beginAnswering() else { return }
    while let action = session.next() {
      switch action {
      case .send(let response):
        logSending(response, call)
        do { try await send(response) } catch { return session.call(.failed(error)) }
      case .lookAgain:
        await api.lookAgain(call) { true }
        session.lookedAgain()
      case .end(let error):
        call.logger.error("Error building stream secrets response", metadata: ["error": "\(error.message)"])
        return session.call(.failed(error))
      }
    }
  }

  // MARK: The log

  private func log(
    _ notes: [SecretStream.Note], _ request: SecretRequest, _ node: EnvoyNode?, _ call: WorkloadAPI.Call
  ) {
    for note in notes {
      if note == .received, !api.logsDebug { continue }
      let logger = call.logger
      let who: Logger.Metadata = ["node_id": "\(node?.id ?? "")"]
      switch note {
      case .received:
        logger.debug(
          "Received \(call.method.rawValue) request",
          metadata: ["nonce": "\(request.nonce)", "version_info": "\(request.version)"]
            .merging(Self.names(of: request)) { $1 })
      case .rejected(let message):
        logger.error(
          "Envoy reported errors applying secrets",
          metadata: who.merging(Self.names(of: request)) { $1 }.merging(["error": "\(message)"]) { $1 })
      case .stale(let expected):
        logger.warning(
          "Received unexpected nonce; ignoring request",
          metadata: who.merging(["nonce": "\(request.nonce)", "expect": "\(expected)"]) { $1 })
      case .rolledBack(let expected):
        logger.error(
          "Client rejected expected version and rolled back",
          metadata: who.merging(["version_info": "\(request.version)", "expect": "\(expected)"]) { $1 })
      }
    }
  }

  private static func names(of request: SecretRequest) -> Logger.Metadata {
    switch request.names {
    case .all(let names): return ["resource_names": "\(list(names))"]
    case .changes(let subscribe, let unsubscribe, _):
      var fields: Logger.Metadata = ["resource_names": "\(list(subscribe))"]
      if !unsubscribe.isEmpty { fields["unsubscribed"] = "\(list(unsubscribe))" }
      return fields
    }
  }

  /// At most sixteen of them.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(16).joined(separator: " ")
    return names.count > 16 ? "[\(shown) … \(names.count) in all]" : "[\(shown)]"
  }

  private func logSending(_ response: SecretResponse, _ call: WorkloadAPI.Call) {
    if !response.removed.isEmpty {
      call.logger.warning(
        "Workload is not authorized for the requested identities",
        metadata: ["resource_names": "\(Self.list(response.removed))"])
    }
    guard api.logsDebug else { return }
    call.logger.debug(
      "Sending \(call.method.rawValue) response",
      metadata: [
        "count": "\(response.resources.count)", "nonce": "\(response.nonce)", "version_info": "\(response.version)",
      ])
  }
}
