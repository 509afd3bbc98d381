import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// Who may call what: every method of the server as every kind of caller (server-behaviour §7.2).
@Suite struct MethodTableTests {
  /// The table of the reference, written again by hand: service, methods, callers
  /// (n = anybody, l = local, a = admin, g = agent, d = downstream).
  static let table: [(service: String, methods: String, callers: String)] = [
    ("spire.api.server.svid.v1.SVID", "MintX509SVID MintJWTSVID MintWITSVID", "la"),
    ("spire.api.server.svid.v1.SVID", "BatchNewX509SVID NewJWTSVID BatchNewWITSVID", "g"),
    ("spire.api.server.svid.v1.SVID", "NewDownstreamX509CA", "d"),
    ("spire.api.server.bundle.v1.Bundle", "GetBundle", "n"),
    (
      "spire.api.server.bundle.v1.Bundle",
      "AppendBundle CountBundles ListFederatedBundles BatchCreateFederatedBundle BatchUpdateFederatedBundle BatchSetFederatedBundle BatchDeleteFederatedBundle",
      "la"
    ),
    ("spire.api.server.bundle.v1.Bundle", "GetFederatedBundle", "lag"),
    ("spire.api.server.bundle.v1.Bundle", "PublishJWTAuthority PublishWITAuthority", "d"),
    ("spire.api.server.debug.v1.Debug", "GetInfo", "l"),
    (
      "spire.api.server.entry.v1.Entry",
      "CountEntries ListEntries GetEntry BatchCreateEntry BatchUpdateEntry BatchDeleteEntry", "la"
    ),
    ("spire.api.server.entry.v1.Entry", "GetAuthorizedEntries SyncAuthorizedEntries", "g"),
    ("spire.api.server.logger.v1.Logger", "GetLogger SetLogLevel ResetLogLevel", "l"),
    (
      "spire.api.server.agent.v1.Agent", "CountAgents ListAgents GetAgent DeleteAgent BanAgent CreateJoinToken", "la"
    ),
    ("spire.api.server.agent.v1.Agent", "AttestAgent", "n"),
    ("spire.api.server.agent.v1.Agent", "RenewAgent PostStatus", "g"),
    ("grpc.health.v1.Health", "Check List Watch", "l"),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", "l"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", "l"),
    (
      "spire.api.server.trustdomain.v1.TrustDomain",
      "ListFederationRelationships GetFederationRelationship BatchCreateFederationRelationship BatchUpdateFederationRelationship BatchDeleteFederationRelationship RefreshBundle",
      "la"
    ),
    (
      "spire.api.server.localauthority.v1.LocalAuthority",
      "GetJWTAuthorityState PrepareJWTAuthority ActivateJWTAuthority TaintJWTAuthority RevokeJWTAuthority GetX509AuthorityState PrepareX509Authority ActivateX509Authority TaintX509Authority TaintX509UpstreamAuthority RevokeX509Authority RevokeX509UpstreamAuthority GetWITAuthorityState PrepareWITAuthority ActivateWITAuthority TaintWITAuthority RevokeWITAuthority",
      "la"
    ),
    ("swiftspire.server.explain.v1.Explain", "DryRunEntries ExplainIdentity", "la"),
    ("swiftspire.server.watch.v1.Watch", "WatchAuthorizedEntries", "g"),
    ("swiftspire.server.watch.v1.Watch", "ListWatches", "la"),
  ]

  static var rows: [(service: String, method: String, callers: String)] {
    table.flatMap { row in row.methods.split(separator: " ").map { (row.service, String($0), row.callers) } }
  }

  static let localOnly = [
    "spire.api.server.debug.v1.Debug", "spire.api.server.logger.v1.Logger", "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
  ]

  @Test func theTableIsWhole() {
    #expect(Self.rows.filter { $0.service.hasPrefix("spire.") }.count == 62)
    let policies = ServerServices.policies(RateLimits(time: TestTime()))
    #expect(
      Set(policies.map(\.names.full)) == Set(Self.rows.map { "/\($0.service)/\($0.method)" }))
    #expect(policies.count == Self.rows.count)
  }

  @Test func everyMethodOfEveryProtoHasARow() {
    let descriptors =
      Spire_Api_Server_Agent_V1_Agent.Method.descriptors + Spire_Api_Server_Bundle_V1_Bundle.Method.descriptors
      + Spire_Api_Server_Debug_V1_Debug.Method.descriptors + Spire_Api_Server_Entry_V1_Entry.Method.descriptors
      + Spire_Api_Server_Localauthority_V1_LocalAuthority.Method.descriptors
      + Spire_Api_Server_Logger_V1_Logger.Method.descriptors + Spire_Api_Server_Svid_V1_SVID.Method.descriptors
      + Spire_Api_Server_Trustdomain_V1_TrustDomain.Method.descriptors + Grpc_Health_V1_Health.Method.descriptors
      + Grpc_Reflection_V1_ServerReflection.Method.descriptors
      + Grpc_Reflection_V1alpha_ServerReflection.Method.descriptors
      + Swiftspire_Server_Explain_V1_Explain.Method.descriptors
      + Swiftspire_Server_Watch_V1_Watch.Method.descriptors
    let rows = Set(ServerServices.policies(RateLimits(time: TestTime())).map(\.descriptor))
    #expect(Set(descriptors) == rows)
  }

  private enum Kind: String, CaseIterable {
    case local, anonymous, workload, agent, banned, configuredAdmin, admin, downstream

    var letters: String {
      switch self {
      case .local: "nl"
      case .agent: "ng"
      case .configuredAdmin, .admin: "na"
      case .downstream: "nd"
      case .anonymous, .workload, .banned: "n"
      }
    }
  }

  @Test(.timeLimit(.minutes(2))) func everyMethodAsEveryCaller() async throws {
    var options = TestServer.Options()
    options.adminIDs = [TestServer.id("/ops")]
    try await TestServer.with(options) { server in
      let node = TestServer.id("/host")
      try await server.createEntry("/boss", parent: node) { $0.admin = true }
      try await server.createEntry("/below", parent: node) { $0.downstream = true }
      let agent = try await server.attest()
      let banned = try await server.attest()
      try await server.local { client in
        var request = Spire_Api_Server_Agent_V1_BanAgentRequest()
        request.id = banned.id.api
        _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).banAgent(request)
      }
      let identities: [Kind: TestIdentity] = [
        .workload: try await server.mint("/web"), .agent: agent, .banned: banned,
        .configuredAdmin: try await server.mint("/ops"), .admin: try await server.mint("/boss"),
        .downstream: try await server.mint("/below"),
      ]
      for kind in Kind.allCases {
        if kind == .local {
          try await server.local { try await check(kind, $0) }
        } else {
          try await server.remote(identities[kind]) { try await check(kind, $0) }
        }
      }
    }
  }

  private func check(_ kind: Kind, _ client: RPCClient) async throws {
    for row in Self.rows {
      let code = await RawCall.code(client, row.service, row.method)
      let full = "/\(row.service)/\(row.method)"
      if kind != .local, Self.localOnly.contains(row.service) {
        #expect(code.code == .unimplemented, "\(full) over TCP: \(code)")
        continue
      }
      if row.callers.contains(where: { kind.letters.contains($0) }) {
        #expect(code.code != .permissionDenied, "\(full) as \(kind): \(code)")
      } else {
        #expect(code.code == .permissionDenied, "\(full) as \(kind): \(code)")
        #expect(code.message == "authorization denied for method \(full)")
      }
    }
    let unknown = await RawCall.code(client, "spire.api.server.svid.v1.SVID", "Nope")
    #expect(unknown.code == .unimplemented, "as \(kind)")
    let otherCase = await RawCall.code(client, "spire.api.server.svid.v1.SVID", "mintX509SVID")
    #expect(otherCase.code == .unimplemented, "as \(kind)")
  }
}

/// Calls a method by name with one raw message.
enum RawCall {
  /// The outcome: the failure, or `.unknown` with the message `OK`.
  static func code(_ client: RPCClient, _ service: String, _ method: String) async -> Failure {
    guard let error = await error(client, service, method) else { return Failure(.unknown, "OK") }
    return Failure(error.code, error.message)
  }

  /// How the call failed, if it did.
  static func error(_ client: RPCClient, _ service: String, _ method: String) async -> RPCError? {
    // A service that is not known keeps Health.Watch from answering for ever.
    let message: [UInt8] = service.hasPrefix("grpc.health") ? [0x0a, 0x01, 0x78] : []
    let descriptor = MethodDescriptor(fullyQualifiedService: service, method: method)
    do {
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest { try await $0.write(message) }, descriptor: descriptor,
        serializer: RawBytes(), deserializer: RawBytes(), options: .defaults
      ) { response in
        for try await _ in response.messages {}
      }
      return nil
    } catch let error as RPCError {
      return error
    } catch {
      return RPCError(code: .unknown, message: "\(error)")
    }
  }
}

struct RawBytes: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
    bytes.withUnsafeBytes { Array($0) }
  }
}
