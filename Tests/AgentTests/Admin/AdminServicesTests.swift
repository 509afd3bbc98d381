import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing
import X509

@testable import Agent
@testable import Daemon

/// The admin socket, called by generated clients: debug figures, log level, and what is not there.
@Suite struct AdminServicesTests {
  private func withAdmin(
    _ agent: TestAgent, _ folder: String, level: LogLevelControl = LogLevelControl(launch: .info),
    metrics: Metrics = .none, _ body: @Sendable @escaping (RPCClient) async throws -> Void
  ) async throws {
    try await agent.withAdmin(folder, agent.adminParts(level: level, metrics: metrics), body)
  }

  @Test func getInfoShowsWhatTheAgentHasAndKeepsItForFiveSeconds() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      agent.server.put(try entry("2", "/db", ["uid:1"]))
      agent.server.put(try entry("3", "/lambda", ["name:x"], storeSVID: true, type: "memory"))
      try await agent.syncAndSign()
      _ = try await agent.issuer.svid(for: entry("1", "/web", ["uid:0"]), audience: ["a"])
      try await withAdmin(agent, folder) { client in
        let debug = Spire_Agent_Debug_V1_Debug.Client(wrapping: client)
        let info = try await debug.getInfo(.init())
        #expect(info.uptime == 6)
        #expect(info.lastSyncSuccess == Int64(agent.time.now.timeIntervalSince1970))
        #expect(info.cachedX509SvidsCount == 2 && info.svidsCount == 2)
        #expect(info.cachedJwtSvidsCount == 1 && info.cachedSvidstoreX509SvidsCount == 1)
        // Leaf first, the authority of the bundle last.
        #expect(info.svidChain.map(\.id.path) == ["/spire/agent/join_token/x", ""])
        #expect(info.svidChain.map(\.id.trustDomain) == ["example.org", "example.org"])
        #expect(info.svidChain[0].subject == "O=SPIRE,C=US")
        #expect(info.svidChain[0].expiresAt == Int64(agent.identity.svid.notAfter.timeIntervalSince1970))
        #expect(info.svidChain[1].subject.hasPrefix("CN=") && info.svidChain[1].subject.hasSuffix(",C=US"))

        agent.server.put(try entry("3", "/new", ["uid:0"]))
        try await agent.syncAndSign()
        agent.time.advance(by: .milliseconds(4900))
        #expect(try await debug.getInfo(.init()) == info)
        agent.time.advance(by: .milliseconds(200))
        let later = try await debug.getInfo(.init())
        #expect(later.cachedX509SvidsCount == 3 && later.uptime == 11)
      }
    }
  }

  @Test func loggerShowsSetsAndResetsTheLevel() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let level = LogLevelControl(launch: .info)
      try await withAdmin(agent, folder, level: level) { client in
        let logger = Spire_Api_Agent_Logger_V1_Logger.Client(wrapping: client)
        var state = try await logger.getLogger(.init())
        #expect(state.currentLevel == .info && state.launchLevel == .info)
        state = try await logger.setLogLevel(.with { $0.newLevel = .warn })
        #expect(state.currentLevel == .warn && state.launchLevel == .info)
        #expect(level.current == .warning)
        let error = await #expect(throws: RPCError.self) { _ = try await logger.setLogLevel(.init()) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "newLevel value cannot be LogLevel_UNSPECIFIED")
        #expect(level.current == .warning)
        state = try await logger.resetLogLevel(.init())
        #expect(state.currentLevel == .info && level.current == .info)
      }
    }
  }

  @Test func callsAreCountedUnderUpstreamsNames() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let recorded = RecordedMetrics()
      try await withAdmin(agent, folder, metrics: recorded.metrics) { client in
        _ = try await Spire_Agent_Debug_V1_Debug.Client(wrapping: client).getInfo(.init())
        _ = try await Spire_Api_Agent_Logger_V1_Logger.Client(wrapping: client).getLogger(.init())
      }
      for api in ["debug_api", "logger_api"] {
        #expect(recorded.value(api + ".connection") == 1)
        #expect(recorded.value(api + ".connections") == 0)
      }
    }
  }

  @Test func everyMethodHasARowAndOtherServicesAreNotThere() async throws {
    let descriptors =
      Spire_Agent_Debug_V1_Debug.Method.descriptors + Spire_Api_Agent_Logger_V1_Logger.Method.descriptors
      + Spire_Api_Agent_Delegatedidentity_V1_DelegatedIdentity.Method.descriptors
    let rows = Set(AdminServices.policies.map(\.descriptor))
    #expect(rows.isSuperset(of: descriptors))
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await withAdmin(agent, folder) { client in
        let error = await #expect(throws: RPCError.self) {
          _ = try await Spire_Api_Server_Debug_V1_Debug.Client(wrapping: client).getInfo(.init())
        }
        #expect(error?.code == .unimplemented)
      }
    }
  }

  @Test func reflectionTellsWhatIsServed() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await withAdmin(agent, folder) { client in
        let names: [String] = try await Grpc_Reflection_V1_ServerReflection.Client(wrapping: client)
          .serverReflectionInfo {
            try await $0.write(.with { $0.listServices = "" })
          } onResponse: { response in
            for try await message in response.messages { return message.listServicesResponse.service.map(\.name) }
            return []
          }
        #expect(
          Set(names).isSuperset(of: [
            "spire.agent.debug.v1.Debug", "spire.api.agent.logger.v1.Logger", "swiftspire.agent.explain.v1.Explain",
          ]))
      }
    }
  }

  @Test func subjectsAreWrittenAsGoWritesThem() throws {
    let name = try DistinguishedName {
      CommonName("a, b")
      CountryName("US")
      OrganizationalUnitName("x")
      OrganizationalUnitName(" y#")
    }
    #expect(SubjectText.text(of: name) == #"CN=a\, b,OU=x+OU=\ y#,C=US"#)
  }
}
