import CommandTesting
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Testing
import WorkloadProtos

/// An agent that serves what the recorded one served, on one socket for workloads and administrators.
struct RecordedAgent: Sendable {
  let x509: WorkloadX509SVIDResponse
  let jwt: WorkloadJWTSVIDResponse
  let jwtBundles: WorkloadJWTBundlesResponse

  init(_ all: [Recording]) throws {
    func text(_ name: String) throws -> String { try #require(all.first { $0.name == name }).stdout }
    x509 = try WorkloadX509SVIDResponse(jsonString: text("agent_api_fetch_x509_-output_json.txt"))
    let both = try #require(
      try JSONSerialization.jsonObject(with: Data(text("agent_api_fetch_jwt_-audience_a_-output_json.txt").utf8))
        as? [Any])
    jwt = try WorkloadJWTSVIDResponse(jsonUTF8Data: JSONSerialization.data(withJSONObject: both[0]))
    jwtBundles = try WorkloadJWTBundlesResponse(jsonUTF8Data: JSONSerialization.data(withJSONObject: both[1]))
  }

  static let header = (key: "workload.spiffe.io", value: "true")

  var methods: [any FakeMethod] {
    typealias Workload = WorkloadSpiffeWorkloadAPI.Method
    return [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        Workload.FetchX509SVID.descriptor, requires: Self.header
      ) { _, writer in try await writer.write(x509) },
      Stream<WorkloadJWTBundlesRequest, WorkloadJWTBundlesResponse>(
        Workload.FetchJWTBundles.descriptor, requires: Self.header
      ) { _, writer in try await writer.write(jwtBundles) },
      Unary<WorkloadJWTSVIDRequest, WorkloadJWTSVIDResponse>(Workload.FetchJWTSVID.descriptor) { request in
        #expect(request.audience == ["a"])
        return jwt
      },
      Unary<WorkloadValidateJWTSVIDRequest, WorkloadValidateJWTSVIDResponse>(Workload.ValidateJWTSVID.descriptor) {
        request in
        guard request.audience == "db" else {
          throw RPCError(
            code: .invalidArgument, message: "expected audience in [\"\(request.audience)\"] (audience=[\"db\"])")
        }
        return try .with {
          $0.spiffeID = "spiffe://example.org/admin"
          $0.claims = try Google_Protobuf_Struct(
            jsonString: #"{"aud":["db"],"exp":1795292150,"iat":1795291850,"iss":"https://oidc.example.org","#
              + #""sub":"spiffe://example.org/admin"}"#)
        }
      },
      Unary<Grpc_Health_V1_HealthCheckRequest, Grpc_Health_V1_HealthCheckResponse>(
        Grpc_Health_V1_Health.Method.Check.descriptor
      ) { _ in .with { $0.status = .serving } },
      Unary<Spire_Api_Agent_Logger_V1_GetLoggerRequest, Spire_Api_Types_Logger>(
        Spire_Api_Agent_Logger_V1_Logger.Method.GetLogger.descriptor
      ) { _ in
        .with {
          $0.currentLevel = .debug
          $0.launchLevel = .debug
        }
      },
      Unary<Spire_Agent_Debug_V1_GetInfoRequest, Spire_Agent_Debug_V1_GetInfoResponse>(
        Spire_Agent_Debug_V1_Debug.Method.GetInfo.descriptor
      ) { _ in Self.info },
    ]
  }

  static let info = Spire_Agent_Debug_V1_GetInfoResponse.with {
    $0.uptime = 6
    $0.lastSyncSuccess = 1_795_291_850
    $0.svidsCount = 4
    $0.cachedX509SvidsCount = 4
    $0.cachedJwtSvidsCount = 4
    $0.cachedSvidstoreX509SvidsCount = 1
    $0.svidChain = [
      .with {
        $0.id.trustDomain = "example.org"
        $0.id.path = "/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864"
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
