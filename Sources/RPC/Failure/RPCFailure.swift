import Daemon
package import GRPCCore
import GRPCProtobuf
package import SwiftProtobuf

/// How an API method refuses or fails: what the caller sees, and the cause that only the log sees.
///
/// Methods throw it; ``CallInterceptor`` turns it into the call's status, once. Equal by code and message.
package struct RPCFailure: Error, StatusNamed, Equatable {
  package var code: RPCError.Code
  /// What the caller reads. Texts of the reference are kept to the letter.
  package var message: String
  /// Messages for the `grpc-status-details-bin` trailer.
  package var details: [any SwiftProtobuf.Message]
  /// What programs go by, sent as `google.rpc.ErrorInfo` in front of the details.
  package var reason: FailureReason?
  /// What went wrong inside; never sent.
  package var cause: (any Error)?

  package init(
    _ code: RPCError.Code, _ message: String, details: [any SwiftProtobuf.Message] = [],
    reason: FailureReason? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.details = details
    self.reason = reason
    self.cause = cause
  }

  package var statusName: String { code.name }

  package static func == (a: RPCFailure, b: RPCFailure) -> Bool { a.code == b.code && a.message == b.message }
}

extension RPCFailure: CustomStringConvertible {
  /// The text without a code, for messages that wrap this failure.
  package var description: String { message }
}

extension RPCFailure: RPCErrorConvertible {
  package var rpcErrorCode: RPCError.Code { code }
  package var rpcErrorMessage: String { message }
  package var rpcErrorCause: (any Error)? { cause }
  package var rpcErrorMetadata: Metadata {
    var packed = details.compactMap { try? Google_Protobuf_Any(message: $0) }.map { ErrorDetails.any($0) }
    if let reason { packed.insert(.errorInfo(reason: reason.reason, domain: reason.domain), at: 0) }
    guard !packed.isEmpty else { return [:] }
    return GoogleRPCStatus(code: code, message: message, details: packed).rpcErrorMetadata
  }
}

extension RPCError {
  /// The first status detail of type `M` that the server attached, for example `Spire_Api_Types_PermissionDeniedDetails`.
  package func detail<M: SwiftProtobuf.Message>(_ type: M.Type) -> M? {
    guard let status = try? unpackGoogleRPCStatus() else { return nil }
    for packed in status.details.compactMap(\.any) where packed.isA(type) {
      return try? M(unpackingAny: packed)
    }
    return nil
  }
}
