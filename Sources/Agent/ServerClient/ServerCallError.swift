import GRPCCore
import RPC
import SPIREProtos

extension AgentError {
  /// A failed call to the server.
  init(call error: any Error) {
    guard let error = error as? RPCError else {
      self = AgentError.wrapping(error)
      return
    }
    if let reason = error.connectError {
      let code: Code = reason.code == .unknownAuthority ? .unknownAuthority : .unavailable
      self.init(code, "\(reason.message) (\(reason.hint))", cause: error)
      return
    }
    let detail = error.detail(Spire_Api_Types_PermissionDeniedDetails.self)
    let denial = error.code == .permissionDenied ? detail.flatMap { DenialReason(rawValue: $0.reason.rawValue) } : nil
    self.init(Code(rawValue: error.code.name) ?? .unknown, error.text, denial: denial, cause: error)
  }

  /// Whether TLS failed on the server's side, or for a reason that it did not tell: it may not accept the agent's SVID.
  var isHandshake: Bool { (cause as? RPCError)?.connectError?.code == .handshake }

  /// The refusal of one item of a batch.
  init(item status: Spire_Api_Types_Status) {
    let name = RPCError.Code(number: status.code)?.name ?? "Unknown"
    self.init(Code(rawValue: name) ?? .unknown, status.message)
  }
}
