import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos

@testable import Server

private typealias Agent = Spire_Api_Server_Agent_V1_Agent

/// What operators and agents do again and again.
extension TestServer {
  func joinToken() async throws -> String {
    try await local { client in
      var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
      request.ttl = 600
      return try await Agent.Client(wrapping: client).createJoinToken(request).value
    }
  }

  static func postStatus(_ client: RPCClient) async throws {
    _ = try await Agent.Client(wrapping: client).postStatus(.init())
  }

  func postStatus(as identity: TestIdentity) async throws {
    try await remote(identity) { try await Self.postStatus($0) }
  }

  func ban(_ id: SPIFFEID) async throws {
    try await local { client in
      var request = Spire_Api_Server_Agent_V1_BanAgentRequest()
      request.id = id.api
      _ = try await Agent.Client(wrapping: client).banAgent(request)
    }
  }

  func evict(_ id: SPIFFEID) async throws {
    try await local { client in
      var request = Spire_Api_Server_Agent_V1_DeleteAgentRequest()
      request.id = id.api
      _ = try await Agent.Client(wrapping: client).deleteAgent(request)
    }
  }

  func renew(_ identity: TestIdentity) async throws -> TestIdentity {
    let key = TestKey()
    var request = Spire_Api_Server_Agent_V1_RenewAgentRequest()
    request.params.csr = try key.csr()
    let message = request
    let response = try await remote(identity) { try await Agent.Client(wrapping: $0).renewAgent(message) }
    return try TestIdentity(response.svid, key: key)
  }
}
