import Console
import Flags
import GRPCCore
import RPC
import SPIREProtos
import SwiftProtobuf

/// Calls of our own Rotation service, which upstream's servers do not have.
enum RotationClient {
  typealias Client = Swiftspire_Server_Rotation_V1_Rotation.Client<ReconnectingTransport>
  typealias State = Swiftspire_Server_Rotation_V1_GetRotationResponse

  static func state(_ server: UnixAPI, _ kind: AuthorityReport.Kind) async throws -> State {
    do {
      return try await server.call {
        try await Client(wrapping: $0).getRotation(.with { $0.kind = kind.wire })
      }
    } catch let failure as CallFailure where failure.code == .unimplemented {
      throw CommandFailure(
        kind == .jwt && failure.message == "JWT functionality is disabled"
          ? "the server issues no JWT-SVIDs: there is nothing to rotate"
          : "the server at \(server.path) does not know who has which authority: it is another implementation, or an "
            + "older version. Nothing was changed; the steps are \"localauthority \(kind.word) prepare\", \"activate\", "
            + "\"taint\" and \"revoke\"")
    }
  }

  static func activate(
    _ server: UnixAPI, _ kind: AuthorityReport.Kind, id: String, force: Bool, beginsRotation: Bool = false
  ) async throws -> AuthorityReport.Authority {
    try await server.call {
      try await Client(wrapping: $0).activateAuthority(
        .with {
          $0.kind = kind.wire
          $0.authorityID = id
          $0.force = force
          $0.beginsRotation = beginsRotation
        }
      ).activatedAuthority
    }
  }
}

extension AuthorityReport.Kind {
  var wire: Swiftspire_Server_Rotation_V1_Kind { self == .x509 ? .x509 : .jwt }
}
