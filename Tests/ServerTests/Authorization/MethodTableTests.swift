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
    ("swiftspire.server.watch.v1.Watch", "WatchBundle", "d"),
    ("swiftspire.server.rotation.v1.Rotation", "GetRotation ActivateAuthority", "la"),
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

  /// The fields of audit records, written again by hand from the reference (server-behaviour §10.3).
  static let auditFields: [(methods: String, fields: String)] = [
    ("GetBundle GetFederatedBundle RefreshBundle GetFederationRelationship", "trust_domain_id"),
    ("BatchDeleteFederationRelationship", "trust_domain_id"), ("AppendBundle", content),
    (
      "PublishJWTAuthority", "jwt_authority_expires_at jwt_authority_key_id jwt_authority_public_key_sha256"
    ),
    (
      "BatchCreateFederatedBundle BatchUpdateFederatedBundle BatchSetFederatedBundle",
      "trust_domain_id refresh_hint sequence_number " + content
    ),
    ("BatchDeleteFederatedBundle", "trust_domain_id mode"), ("AttestAgent", "node_attestor_type agent_id"),
    ("RenewAgent", "csr"), ("PostStatus", "spiffe_id agent_version"), ("CreateJoinToken", "ttl spiffe_id"),
    ("GetAgent DeleteAgent BanAgent", "spiffe_id"),
    ("ListAgents CountAgents", "node_attestor_type by_banned by_can_reattest by_selector_match by_selectors"),
    (
      "ListEntries CountEntries",
      "parent_id spiffe_id hint by_selector_match by_selectors federates_with_match federates_with downstream"
    ),
    ("GetEntry BatchDeleteEntry", "entry_id"),
    (
      "BatchCreateEntry BatchUpdateEntry",
      "entry_id spiffe_id parent_id selectors x509_svid_ttl jwt_svid_ttl federates_with admin downstream expires_at dns_name revision_number store_svid hint created_at"
    ),
    ("MintX509SVID", "csr ttl spiffe_id dns_name subject expires_at"), ("MintJWTSVID", "spiffe_id audience ttl"),
    ("MintWITSVID", "spiffe_id ttl"), ("BatchNewWITSVID", "entry_id spiffe_id expires_at"),
    ("PublishWITAuthority", "wit_authority_expires_at wit_authority_key_id wit_authority_public_key_sha256"),
    ("PrepareWITAuthority ActivateWITAuthority TaintWITAuthority RevokeWITAuthority", "local_authority_id"),
    ("BatchNewX509SVID", "csr entry_id spiffe_id expires_at"), ("NewJWTSVID", "entry_id audience spiffe_id ttl"),
    ("NewDownstreamX509CA", "csr trust_domain_id expires_at"),
    (
      "BatchCreateFederationRelationship BatchUpdateFederationRelationship",
      "trust_domain_id bundle_endpoint_url bundle_endpoint_profile endpoint_spiffe_id"
    ),
    (
      "PrepareJWTAuthority ActivateJWTAuthority TaintJWTAuthority RevokeJWTAuthority PrepareX509Authority ActivateX509Authority TaintX509Authority RevokeX509Authority",
      "local_authority_id"
    ),
    ("TaintX509UpstreamAuthority RevokeX509UpstreamAuthority", "subject_key_id"), ("SetLogLevel", "new_log_level"),
    ("RefreshBundle", "trust_domain_id force"), ("DryRunEntries", "action entries"),
    ("ExplainIdentity", "entry_id spiffe_id"), ("ActivateAuthority", "force kind local_authority_id"),
  ]
  private static let content =
    "jwt_authority_expires_at.N jwt_authority_key_id.N jwt_authority_public_key_sha256.N x509_authorities_asn1_sha256.N"

  @Test func auditFieldsAreThoseOfTheReference() {
    var expected: [String: Set<Substring>] = [:]
    for row in Self.auditFields {
      for method in row.methods.split(separator: " ") {
        expected[String(method)] = Set(row.fields.split(separator: " "))
      }
    }
    for policy in ServerServices.policies(RateLimits(time: TestTime())) {
      let names = Set(policy.auditFields.map { Substring($0) })
      let wanted = expected.removeValue(forKey: policy.names.method) ?? []
      #expect(names == wanted, "\(policy.names.full)")
    }
    #expect(expected.isEmpty)
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
      + Swiftspire_Server_Rotation_V1_Rotation.Method.descriptors
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

  @Test(.timeLimit(.minutes(4))) func everyMethodAsEveryCaller() async throws {
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
        // The stream of bundles goes on.
        for try await _ in response.messages where method == "WatchBundle" { return }
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
