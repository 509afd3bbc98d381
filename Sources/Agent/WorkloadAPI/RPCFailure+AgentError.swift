import GRPCCore
package import RPC

extension RPCFailure {
  /// An error of the agent as a caller sees it.
  package init(_ error: AgentError) {
    self.init(RPCError.Code(name: error.statusName) ?? .internalError, error.message, cause: error.cause)
  }
}
