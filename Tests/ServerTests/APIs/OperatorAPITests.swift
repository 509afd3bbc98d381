import Authority
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// The services that only the admin socket has, and LocalAuthority.
@Suite struct OperatorAPITests {
  @Test func health() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Grpc_Health_V1_Health.Client(wrapping: client)
        #expect(try await service.check(.init()).status == .serving)
        var request = Grpc_Health_V1_HealthCheckRequest()
        request.service = "x"
        #expect(
          try await failure { try await service.check(request) }
            == Failure(.invalidArgument, "per-service health is not supported"))
        let first = try await service.watch(.init()) { response in
          for try await status in response.messages { return status.status }
          return .unknown
        }
        #expect(first == .serving)
      }
    }
  }

  @Test func logLevels() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Spire_Api_Server_Logger_V1_Logger.Client(wrapping: client)
        var state = try await service.getLogger(.init())
        #expect(state.currentLevel == .debug && state.launchLevel == .debug)
        var request = Spire_Api_Server_Logger_V1_SetLogLevelRequest()
        #expect(
          try await failure { try await service.setLogLevel(request) }
            == Failure(.invalidArgument, "newLevel value cannot be LogLevel_UNSPECIFIED"))
        request.newLevel = .UNRECOGNIZED(77)
        #expect(
          try await failure { try await service.setLogLevel(request) }
            == Failure(.invalidArgument, "unsupported log level"))
        request.newLevel = .warn
        state = try await service.setLogLevel(request)
        #expect(state.currentLevel == .warn && state.launchLevel == .debug)
        #expect(server.parts.logLevel.current == .warning)
        #expect(try await service.resetLogLevel(.init()).currentLevel == .debug)
      }
      #expect(server.log.first("GetLogger Called")?.fields["service"] == "Logger")
      #expect(server.log.first("SetLogLevel Called")?.fields["new_log_level"] == "warning")
      #expect(server.log.first("ResetLogLevel Called")?.fields["launch_log_level"] == "debug")
    }
  }

  @Test func debugInfo() async throws {
    try await TestServer.with { server in
      _ = try await server.attest()
      try await server.createEntry("/web", parent: TestServer.id("/host"))
      server.time.advance(by: .seconds(7))
      try await server.local { client in
        let service = Spire_Api_Server_Debug_V1_Debug.Client(wrapping: client)
        let info = try await service.getInfo(.init())
        #expect(info.uptime == 7)
        #expect(info.agentsCount == 1)
        #expect(info.entriesCount == 1)
        #expect(info.federatedBundlesCount == 1)
        #expect(info.svidChain.map(\.id.path) == ["/spire/server", ""])
        #expect(info.svidChain[0].subject == "O=SPIRE,C=US")
        #expect(info.svidChain[1].subject.hasSuffix(",O=SPIFFE,C=US"))
        try await server.createEntry("/db", parent: TestServer.id("/host"))
        #expect(try await service.getInfo(.init()).entriesCount == 1)
        server.time.advance(by: .seconds(5))
        #expect(try await service.getInfo(.init()).entriesCount == 2)
      }
    }
  }

  @Test func localAuthorities() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: client)
        let before = try await service.getX509AuthorityState(.init())
        #expect(before.hasActive && !before.hasPrepared && !before.hasOld)
        let prepared = try await service.prepareX509Authority(.init()).preparedAuthority
        #expect(try await service.getX509AuthorityState(.init()).prepared == prepared)

        var activate = Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityRequest()
        activate.authorityID = "00"
        #expect(
          try await failure { try await service.activateX509Authority(activate) }
            == Failure(.invalidArgument, "unexpected authority ID"))
        activate.authorityID = prepared.authorityID
        #expect(try await service.activateX509Authority(activate).activatedAuthority == prepared)

        var revoke = Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityRequest()
        revoke.authorityID = "00"
        #expect(
          try await failure { try await service.revokeX509Authority(revoke) }
            == Failure(.invalidArgument, "invalid authority ID: only Old local authority can be revoked"))
        var taint = Spire_Api_Server_Localauthority_V1_TaintX509AuthorityRequest()
        taint.authorityID = before.active.authorityID
        #expect(try await service.taintX509Authority(taint).taintedAuthority == before.active)
        // The server's own SVID does not wait for the next look: the authority may be revoked at once.
        #expect(server.parts.serverSVID.current.authorityID != before.active.authorityID)
        revoke.authorityID = before.active.authorityID
        #expect(try await service.revokeX509Authority(revoke).revokedAuthority == before.active)

        let jwt = try await service.prepareJWTAuthority(.init()).preparedAuthority
        #expect(try await service.getJWTAuthorityState(.init()).prepared == jwt)
        #expect(
          try await failure { try await service.getWITAuthorityState(.init()) }
            == Failure(.unimplemented, "WIT-SVID functionality is not yet implemented"))
        #expect(
          try await failure { try await service.taintX509UpstreamAuthority(.init()) }
            == Failure(.failedPrecondition, "upstream authority is not configured"))
      }
      let line = try #require(server.log.first("Invalid argument: unexpected authority ID"))
      #expect(line.fields["local_authority_id"] == "00")
      #expect(line.fields["error"] == nil)
      let other = try #require(server.log.first("Invalid argument: invalid authority ID"))
      #expect(other.fields["error"] == "only Old local authority can be revoked")
    }
  }
}
