import CommandTesting
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

/// A server that holds the records of the recorded run, and answers as that one did.
///
/// Its state is read from the recordings in JSON; what the recordings do not hold is refused as unimplemented.
final class RecordedServer: Sendable {
  private let recording: Recording
  private let level = Mutex(Spire_Api_Types_LogLevel.debug)
  private let entries: Spire_Api_Server_Entry_V1_ListEntriesResponse
  private let agents: Spire_Api_Server_Agent_V1_ListAgentsResponse
  private let bundle: Spire_Api_Types_Bundle
  private let relationships: Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse
  private let x509Authorities: Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse
  private let jwtAuthorities: Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse

  /// - Parameters:
  ///   - all: where the records come from.
  ///   - recording: the run to repeat: new identifiers and keys are taken from it.
  init(_ all: [Recording], repeating recording: Recording) throws {
    self.recording = recording
    func read<M: Message>(_ name: String) throws -> M {
      let found = try #require(all.first { $0.name == "server_\(name)_-output_json.txt" })
      return try M(jsonString: found.stdout)
    }
    entries = try read("entry_show")
    agents = try read("agent_list")
    bundle = try read("bundle_show")
    relationships = try read("federation_list")
    x509Authorities = try read("localauthority_x509_show")
    jwtAuthorities = try read("localauthority_jwt_show")
  }

  var methods: [any FakeMethod] {
    entryMethods + agentMethods + bundleMethods + authorityMethods + federationMethods + otherMethods
  }

  /// The response in the recording's JSON output, or nil when it is for people.
  private func recorded<M: Message>(_ type: M.Type) -> M? { try? M(jsonString: recording.stdout) }

  private static func refusal(_ message: String) -> RPCError { RPCError(code: .invalidArgument, message: message) }

  private static func notFound(_ message: String) -> RPCError { RPCError(code: .notFound, message: message) }

  private var entryMethods: [any FakeMethod] {
    typealias Method = Spire_Api_Server_Entry_V1_Entry.Method
    return [
      Unary<Spire_Api_Server_Entry_V1_ListEntriesRequest, Spire_Api_Server_Entry_V1_ListEntriesResponse>(
        Method.ListEntries.descriptor
      ) { request in
        guard request.filter.hasBySpiffeID else { return self.entries }
        return .with { $0.entries = self.entries.entries.filter { $0.spiffeID == request.filter.bySpiffeID } }
      },
      Unary<Spire_Api_Server_Entry_V1_GetEntryRequest, Spire_Api_Types_Entry>(Method.GetEntry.descriptor) { request in
        guard let entry = self.entries.entries.first(where: { $0.id == request.id }) else {
          throw Self.notFound("entry not found")
        }
        return entry
      },
      Unary<Spire_Api_Server_Entry_V1_CountEntriesRequest, Spire_Api_Server_Entry_V1_CountEntriesResponse>(
        Method.CountEntries.descriptor
      ) { _ in .with { $0.count = Int32(self.entries.entries.count) } },
      Unary<Spire_Api_Server_Entry_V1_BatchCreateEntryRequest, Spire_Api_Server_Entry_V1_BatchCreateEntryResponse>(
        Method.BatchCreateEntry.descriptor
      ) { request in
        if let recorded = self.recorded(Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.self) { return recorded }
        return .with { $0.results = request.entries.map(self.create) }
      },
      Unary<Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest, Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse>(
        Method.BatchUpdateEntry.descriptor
      ) { request in
        .with {
          $0.results = request.entries.map { entry in
            .with {
              $0.entry = entry
              $0.entry.revisionNumber = 1
              $0.status.message = "OK"
            }
          }
        }
      },
      Unary<Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest, Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse>(
        Method.BatchDeleteEntry.descriptor
      ) { request in
        .with {
          $0.results = request.ids.map { id in
            .with {
              $0.id = id
              $0.status.code = 5
              $0.status.message = "entry not found"
            }
          }
        }
      },
    ]
  }

  private func create(_ entry: Spire_Api_Types_Entry) -> Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result {
    .with { result in
      if entry.spiffeID.trustDomain != "example.org" {
        result.status.code = 3
        result.status.message =
          "failed to convert entry: invalid spiffe ID: \"spiffe://\(entry.spiffeID.trustDomain)\(entry.spiffeID.path)\""
          + " is not a member of trust domain \"example.org\""
      } else if entries.entries.contains(where: {
        $0.spiffeID == entry.spiffeID && $0.parentID == entry.parentID && $0.selectors == entry.selectors
      }) {
        result.status.code = 6
        result.status.message = "similar entry already exists"
        result.entry = entry
      } else {
        result.entry = entry
        result.entry.id = recording.stdout.firstMatch(of: /Entry ID +: (\S+)/).map { String($0.1) } ?? ""
      }
    }
  }

  private var agentMethods: [any FakeMethod] {
    typealias Method = Spire_Api_Server_Agent_V1_Agent.Method
    return [
      Unary<Spire_Api_Server_Agent_V1_ListAgentsRequest, Spire_Api_Server_Agent_V1_ListAgentsResponse>(
        Method.ListAgents.descriptor
      ) { _ in self.agents },
      Unary<Spire_Api_Server_Agent_V1_CountAgentsRequest, Spire_Api_Server_Agent_V1_CountAgentsResponse>(
        Method.CountAgents.descriptor
      ) { _ in .with { $0.count = Int32(self.agents.agents.count) } },
      Unary<Spire_Api_Server_Agent_V1_GetAgentRequest, Spire_Api_Types_Agent>(Method.GetAgent.descriptor) { request in
        guard let agent = self.agents.agents.first(where: { $0.id == request.id }) else {
          throw Self.notFound("agent not found")
        }
        return agent
      },
      Unary<Spire_Api_Server_Agent_V1_DeleteAgentRequest, Google_Protobuf_Empty>(Method.DeleteAgent.descriptor) {
        request in
        guard self.agents.agents.contains(where: { $0.id == request.id }) else {
          throw Self.notFound("agent not found")
        }
        return Google_Protobuf_Empty()
      },
      Unary<Spire_Api_Server_Agent_V1_CreateJoinTokenRequest, Spire_Api_Types_JoinToken>(
        Method.CreateJoinToken.descriptor
      ) { request in
        guard request.ttl > 0 else {
          throw RPCError(code: .invalidArgument, message: "ttl is required, you must provide one")
        }
        if let recorded = self.recorded(Spire_Api_Types_JoinToken.self) { return recorded }
        return .with {
          $0.value = self.recording.stdout.firstMatch(of: /Token: (\S+)/).map { String($0.1) } ?? "none"
        }
      },
    ]
  }

  private var bundleMethods: [any FakeMethod] {
    typealias Method = Spire_Api_Server_Bundle_V1_Bundle.Method
    return [
      Unary<Spire_Api_Server_Bundle_V1_GetBundleRequest, Spire_Api_Types_Bundle>(Method.GetBundle.descriptor) { _ in
        self.bundle
      },
      Unary<
        Spire_Api_Server_Bundle_V1_ListFederatedBundlesRequest, Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse
      >(
        Method.ListFederatedBundles.descriptor
      ) { _ in
        .with {
          $0.bundles = self.relationships.federationRelationships.filter(\.hasTrustDomainBundle)
            .map(\.trustDomainBundle)
        }
      },
      Unary<Spire_Api_Server_Bundle_V1_CountBundlesRequest, Spire_Api_Server_Bundle_V1_CountBundlesResponse>(
        Method.CountBundles.descriptor
      ) { _ in .with { $0.count = 2 } },
    ]
  }

  private var authorityMethods: [any FakeMethod] {
    typealias Method = Spire_Api_Server_Localauthority_V1_LocalAuthority.Method
    return [
      Unary<
        Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateRequest,
        Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse
      >(Method.GetX509AuthorityState.descriptor) { _ in self.x509Authorities },
      Unary<
        Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateRequest,
        Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse
      >(Method.GetJWTAuthorityState.descriptor) { _ in self.jwtAuthorities },
      Unary<
        Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityRequest,
        Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse
      >(Method.ActivateX509Authority.descriptor) { _ in throw Self.refusal("unexpected authority ID") },
      Unary<
        Spire_Api_Server_Localauthority_V1_TaintX509AuthorityRequest,
        Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse
      >(Method.TaintX509Authority.descriptor) { _ in throw Self.refusal("unexpected authority ID") },
      Unary<
        Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityRequest,
        Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse
      >(Method.RevokeX509Authority.descriptor) { _ in
        throw Self.refusal("invalid authority ID: only Old local authority can be revoked")
      },
    ]
  }

  private var federationMethods: [any FakeMethod] {
    typealias Method = Spire_Api_Server_Trustdomain_V1_TrustDomain.Method
    return [
      Unary<
        Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest,
        Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse
      >(Method.ListFederationRelationships.descriptor) { _ in self.relationships },
      Unary<
        Spire_Api_Server_Trustdomain_V1_GetFederationRelationshipRequest, Spire_Api_Types_FederationRelationship
      >(Method.GetFederationRelationship.descriptor) { request in
        let found = self.relationships.federationRelationships.first { $0.trustDomain == request.trustDomain }
        guard let found else { throw Self.notFound("federation relationship does not exist") }
        return found
      },
      Unary<Spire_Api_Server_Trustdomain_V1_RefreshBundleRequest, Google_Protobuf_Empty>(
        Method.RefreshBundle.descriptor
      ) { request in
        throw Self.notFound("trust domain \"\(request.trustDomain)\" is not known")
      },
    ]
  }

  private var logger: Spire_Api_Types_Logger {
    .with {
      $0.currentLevel = level.withLock { $0 }
      $0.launchLevel = .debug
    }
  }

  private var otherMethods: [any FakeMethod] {
    typealias Logger = Spire_Api_Server_Logger_V1_Logger.Method
    return [
      Unary<Grpc_Health_V1_HealthCheckRequest, Grpc_Health_V1_HealthCheckResponse>(
        Grpc_Health_V1_Health.Method.Check.descriptor
      ) { _ in .with { $0.status = .serving } },
      Unary<Spire_Api_Server_Logger_V1_GetLoggerRequest, Spire_Api_Types_Logger>(Logger.GetLogger.descriptor) { _ in
        self.logger
      },
      Unary<Spire_Api_Server_Logger_V1_SetLogLevelRequest, Spire_Api_Types_Logger>(Logger.SetLogLevel.descriptor) {
        request in
        self.level.withLock { $0 = request.newLevel }
        return self.logger
      },
      Unary<Spire_Api_Server_Logger_V1_ResetLogLevelRequest, Spire_Api_Types_Logger>(
        Logger.ResetLogLevel.descriptor
      ) { _ in
        self.level.withLock { $0 = .debug }
        return self.logger
      },
      Unary<Spire_Api_Server_Debug_V1_GetInfoRequest, Spire_Api_Server_Debug_V1_GetInfoResponse>(
        Spire_Api_Server_Debug_V1_Debug.Method.GetInfo.descriptor
      ) { _ in Self.info },
      Unary<Spire_Api_Server_Svid_V1_MintJWTSVIDRequest, Spire_Api_Server_Svid_V1_MintJWTSVIDResponse>(
        Spire_Api_Server_Svid_V1_SVID.Method.MintJWTSVID.descriptor
      ) { _ in
        if let recorded = self.recorded(Spire_Api_Server_Svid_V1_MintJWTSVIDResponse.self) { return recorded }
        return .with { $0.svid.token = self.recording.stdout.trimmingCharacters(in: .newlines) }
      },
      Unary<Spire_Api_Server_Svid_V1_MintX509SVIDRequest, Spire_Api_Server_Svid_V1_MintX509SVIDResponse>(
        Spire_Api_Server_Svid_V1_SVID.Method.MintX509SVID.descriptor
      ) { _ in
        .with { $0.svid.certChain = [self.mintedCertificate] }
      },
    ]
  }

  /// The certificate that the recording shows, in PEM or in JSON.
  private var mintedCertificate: Data {
    let text = recording.stdout
    if let match = text.firstMatch(of: /"x509_svid":\["([^"]+)"/) {
      return Data(base64Encoded: String(match.1)) ?? Data()
    }
    let body = text.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().first ?? ""
    let base64 = body.components(separatedBy: "-----END").first ?? ""
    return Data(base64Encoded: base64, options: .ignoreUnknownCharacters) ?? Data()
  }

  private static var info: Spire_Api_Server_Debug_V1_GetInfoResponse {
    .with {
      $0.uptime = 6
      $0.agentsCount = 1
      $0.entriesCount = 9
      $0.federatedBundlesCount = 2
      $0.svidChain = [
        .with {
          $0.id.trustDomain = "example.org"
          $0.id.path = "/spire/server"
          $0.subject = "O=SPIRE,C=US"
          $0.expiresAt = 1_795_295_445
        },
        .with {
          $0.id.trustDomain = "example.org"
          $0.subject = "SERIALNUMBER=73725469727779101782894399042315824280,O=SPIFFE,C=US"
          $0.expiresAt = 1_795_378_245
        },
      ]
    }
  }
}
