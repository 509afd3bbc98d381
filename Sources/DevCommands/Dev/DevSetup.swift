import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// What an operator would do on the admin socket: a join token, the bundle, and an entry for this user's processes.
struct DevSetup: Sendable {
  let layout: DevLayout
  let trustDomain: TrustDomain
  let user: DevUser

  /// The parent of every entry: an alias that each agent of `spire dev` gets through its join token.
  static let nodePath = "/dev/node"

  /// The ID that this user's processes get.
  var userPath: String { "/user/" + user.pathSegment }

  /// Writes the agent's bundle and join token, and returns the user's entry.
  func prepareAgent() async throws -> Spire_Api_Types_Entry {
    try await withUnixClient(layout.serverSocket) { client in
      let bundle = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client).getBundle(.init())
      try layout.write(
        bundle.x509Authorities.map { PEM.encode(Array($0.asn1), type: "CERTIFICATE") }.joined(), to: layout.bundle)
      let agents = Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client)
      let token = try await agents.createJoinToken(
        .with {
          $0.ttl = 600
          $0.agentID = id(Self.nodePath)
        })
      try layout.write(token.value, to: layout.tokenFile)
      return try await createEntry(Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client))
    }
  }

  private func createEntry(
    _ entries: Spire_Api_Server_Entry_V1_Entry.Client<some ClientTransport>
  ) async throws -> Spire_Api_Types_Entry {
    let response = try await entries.batchCreateEntry(
      .with {
        $0.entries = [
          .with {
            $0.spiffeID = id(userPath)
            $0.parentID = id(Self.nodePath)
            $0.selectors = [
              .with {
                $0.type = "unix"
                $0.value = "uid:\(user.uid)"
              }
            ]
          }
        ]
      })
    guard let result = response.results.first,
      [Int32(Status.Code.ok.rawValue), Int32(Status.Code.alreadyExists.rawValue)].contains(result.status.code)
    else {
      throw DevError(
        "the server did not take the entry of this user: \(response.results.first?.status.message ?? "no result")",
        hint: "its log: \(layout.serverLog)")
    }
    return result.entry
  }

  private func id(_ path: String) -> Spire_Api_Types_SPIFFEID {
    .with {
      $0.trustDomain = trustDomain.name
      $0.path = path
    }
  }
}
