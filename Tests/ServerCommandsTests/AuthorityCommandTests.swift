import CommandTesting
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import ServerCommands

@Suite struct AuthorityCommandTests {
  private typealias Method = Spire_Api_Server_Localauthority_V1_LocalAuthority.Method
  private static let state = Spire_Api_Server_Localauthority_V1_AuthorityState.with {
    $0.authorityID = "ab"
    $0.expiresAt = 1_795_378_245
    $0.upstreamAuthoritySubjectKeyID = "cd"
  }

  @Test func anX509AuthorityNamesItsUpstream() async throws {
    let methods: [any FakeMethod] = [
      Unary<
        Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityRequest,
        Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse
      >(Method.PrepareX509Authority.descriptor) { _ in .with { $0.preparedAuthority = Self.state } }
    ]
    #expect(
      try await run("localauthority x509 prepare", methods: methods)
        == .success(
          "Prepared X.509 authority:\n  Authority ID: ab\n  Expires at: 2026-11-22 20:10:45 +0000 UTC\n"
            + "  Upstream authority Subject Key ID: cd\n"))
    #expect(
      try await run("localauthority x509 prepare -output json", methods: methods)
        == .success(
          #"{"prepared_authority":{"authority_id":"ab","expires_at":"1795378245","#
            + #""upstream_authority_subject_key_id":"cd"}}"# + "\n"))
  }

  @Test func aJWTAuthorityHasNoUpstream() async throws {
    let methods: [any FakeMethod] = [
      Unary<
        Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityRequest,
        Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse
      >(Method.TaintJWTAuthority.descriptor) { request in
        #expect(request.authorityID == "ab")
        return .with { $0.taintedAuthority = Self.state }
      }
    ]
    #expect(
      try await run("localauthority jwt taint -authorityID ab", methods: methods)
        == .success("Tainted JWT authority:\n  Authority ID: ab\n  Expires at: 2026-11-22 20:10:45 +0000 UTC\n"))
  }

  @Test func anUpstreamAuthorityHasItsKeyID() async throws {
    let methods: [any FakeMethod] = [
      Unary<
        Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityRequest,
        Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse
      >(Method.RevokeX509UpstreamAuthority.descriptor) { request in
        .with { $0.upstreamAuthoritySubjectKeyID = request.subjectKeyID }
      }
    ]
    #expect(
      try await run("upstreamauthority revoke -subjectKeyID ef", methods: methods)
        == .success("Revoked X.509 upstream authority:\n  Subject Key ID: ef\n"))
    let refused = try await run("upstreamauthority taint -subjectKeyID ef", methods: methods)
    #expect(
      refused.stderr.hasPrefix("Error: could not taint X.509 upstream authority: rpc error: code = Unimplemented"))
  }
}
