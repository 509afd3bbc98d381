package import GRPCCore
import Glibc
package import RPC
package import SPIREProtos

/// The service `swiftspire.agent.explain.v1.Explain` of the admin socket, for root and the agent's own user: it tells
/// about processes of others. Stateless.
package struct ExplainService: Swiftspire_Agent_Explain_V1_Explain.SimpleServiceProtocol {
  /// Local processes; which users is checked by the methods.
  package static let policies = Swiftspire_Agent_Explain_V1_Explain.Method.descriptors.map {
    MethodPolicy($0, callers: .local, audit: .none)
  }

  private let explainer: AgentExplainer
  private let uid: UInt32

  /// - Parameter uid: the user that may ask, besides root.
  package init(_ explainer: AgentExplainer, uid: UInt32 = geteuid()) {
    self.explainer = explainer
    self.uid = uid
  }

  package func explainAgent(
    request: Swiftspire_Agent_Explain_V1_ExplainAgentRequest, context: ServerContext
  ) async throws -> Swiftspire_Agent_Explain_V1_ExplainAgentResponse {
    try authorize(context)
    return await explainer.explainAgent()
  }

  package func explainProcess(
    request: Swiftspire_Agent_Explain_V1_ExplainProcessRequest, context: ServerContext
  ) async throws -> Swiftspire_Agent_Explain_V1_ExplainProcessResponse {
    try authorize(context)
    do {
      return try await explainer.explain(pid: request.pid)
    } catch { throw RPCFailure(error) }
  }

  /// The credentials are those of the process that connected (SO_PEERCRED), whoever holds the socket now.
  private func authorize(_ context: ServerContext) throws {
    let call = try context.call
    guard let peer = call.caller.process, peer.uid == 0 || peer.uid == uid else {
      let caller = call.caller.process.map { "user \($0.uid)" } ?? "somebody else"
      throw call.failure(
        .permissionDenied,
        "only root and the agent's own user (\(uid)) may ask for explanations; the caller is \(caller)")
    }
  }
}
