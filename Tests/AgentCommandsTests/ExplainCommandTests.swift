import CommandTesting
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import AgentCommands

/// `explain` as the terminal shows it.
@Suite struct ExplainCommandTests {
  private typealias Method = Swiftspire_Agent_Explain_V1_Explain.Method
  private typealias ProcessRequest = Swiftspire_Agent_Explain_V1_ExplainProcessRequest
  private typealias ProcessResponse = Swiftspire_Agent_Explain_V1_ExplainProcessResponse
  private typealias AgentResponse = Swiftspire_Agent_Explain_V1_ExplainAgentResponse

  private static func id(_ path: String) -> Spire_Api_Types_SPIFFEID {
    .with { ($0.trustDomain, $0.path) = ("example.org", path) }
  }

  private static func selector(_ value: String) -> Spire_Api_Types_Selector {
    .with { ($0.type, $0.value) = ("unix", value) }
  }

  private static let state = Swiftspire_Agent_Explain_V1_AgentState.with {
    $0.id = id("/spire/agent/x")
    $0.now = 1_800_000_000
    $0.svidExpiresAt = 1_800_003_600
    $0.svidRotatesAt = 1_800_001_800
    $0.server = "127.0.0.1:8081"
    $0.lastSyncAt = 1_799_999_997
    $0.entries = 2
    $0.x509Svids = 1
    $0.nextRotationAt = 1_800_000_600
  }

  private func run(_ line: String, _ methods: [any FakeMethod]) async throws -> Outcome {
    try await withEndpoint(methods) { path in
      await AgentCommandsTests.run("\(line) -socketPath \(path)")
    }
  }

  private func explaining(_ response: ProcessResponse) -> [any FakeMethod] {
    [
      Unary<ProcessRequest, ProcessResponse>(Method.ExplainProcess.descriptor) { request in
        var response = response
        response.process.pid = request.pid
        return response
      }
    ]
  }

  @Test func aProcessWithAnIdentity() async throws {
    let response = ProcessResponse.with {
      $0.process.executable = "/usr/bin/web"
      ($0.process.uid, $0.process.gid) = (1000, 100)
      $0.attestors = [
        .with {
          $0.name = "unix"
          $0.selectors = [Self.selector("uid:1000"), Self.selector("gid:100")]
        },
        .with { ($0.name, $0.error) = ("docker", "no daemon") },
      ]
      $0.matching = [
        .with {
          $0.id = "e1"
          $0.spiffeID = Self.id("/web")
          $0.selectors = [Self.selector("uid:1000")]
          $0.x509Svid = .with { ($0.cached, $0.expiresAt, $0.rotatesAt) = (true, 1_800_003_000, 1_800_001_200) }
        }
      ]
      $0.nearest = [
        .with {
          $0.id = "e2"
          $0.spiffeID = Self.id("/api")
          $0.selectors = [Self.selector("uid:1001"), Self.selector("gid:100")]
          $0.missingSelectors = [Self.selector("uid:1001")]
          $0.foundInstead = [Self.selector("uid:1000")]
        }
      ]
      $0.agent = Self.state
      $0.findings = [.with { ($0.severity, $0.message, $0.advice) = (.warning, "docker failed", "start it") }]
    }
    let outcome = try await run("explain -pid 4711", explaining(response))
    #expect(outcome.stderr == "")
    #expect(outcome.code == 0)
    #expect(
      outcome.stdout == """
        Process 4711 (/usr/bin/web) of user 1000, group 100: 1 identity.

        Warning: docker failed
          -> start it

        Identities
          spiffe://example.org/web
            entry       e1, revision 0
            because of  unix:uid:1000
            X.509-SVID  valid until 2027-01-15T08:50:00Z (50m left), replaced in 20m

        Selectors
          unix         unix:uid:1000
                       unix:gid:100
          docker       failed: no daemon

        Nearest entries that do not match
          spiffe://example.org/api
            entry       e2
            missing     unix:uid:1001
            found       unix:uid:1000
            matching    unix:gid:100

        Agent
          SPIFFE ID    spiffe://example.org/spire/agent/x
          Own SVID     valid until 2027-01-15T09:00:00Z (60m left), replaced in 30m
          Server       127.0.0.1:8081
          Last sync    3s ago
          Entries      2
          Cached       1 X.509-SVIDs, 0 JWT-SVIDs; the next one is replaced in 10m

        """)
    let json = try await run("explain -pid 4711 -output json", explaining(response))
    #expect(json.stdout.contains(#""process":{"executable":"/usr/bin/web","gid":100,"pid":4711,"uid":1000}"#))
  }

  @Test func theAgentItself() async throws {
    let methods: [any FakeMethod] = [
      Unary<Swiftspire_Agent_Explain_V1_ExplainAgentRequest, AgentResponse>(Method.ExplainAgent.descriptor) { _ in
        .with {
          $0.agent = Self.state
          $0.entries = [
            .with { ($0.id, $0.spiffeID, $0.selectors) = ("e1", Self.id("/web"), [Self.selector("uid:1")]) }
          ]
        }
      }
    ]
    let outcome = try await run("explain", methods)
    #expect(outcome.code == 0)
    #expect(outcome.stdout.hasPrefix("Agent\n  SPIFFE ID    spiffe://example.org/spire/agent/x\n"))
    #expect(
      outcome.stdout.hasSuffix(
        """
        Entries
          spiffe://example.org/web
            entry       e1, revision 0
            selectors   unix:uid:1
            X.509-SVID  none yet
          and 1 more

        """))
  }

  @Test func withoutAnAdminSocketItSaysWhichLineToAdd() async {
    let outcome = await AgentCommandsTests.run("explain -pid 1 -socketPath /nonexistent/admin.sock")
    #expect(outcome.code == 1)
    #expect(
      outcome.stderr == """
        Error: nobody answers on the agent's admin socket /nonexistent/admin.sock.
        If the agent runs, it has none there. Add this line to the agent { } section of its configuration, and start it again:

            admin_socket_path = "/nonexistent/admin.sock"

        If it has one elsewhere, -socketPath names it.

        """)
  }

  @Test func otherFailures() async throws {
    let old = try await run("explain", [])
    #expect(old.stderr.contains("cannot explain: it is another implementation, or an older version"))
    let refusing: [any FakeMethod] = [
      Unary<ProcessRequest, ProcessResponse>(Method.ExplainProcess.descriptor) { _ in
        throw RPCError(code: .notFound, message: "there is no process 5")
      }
    ]
    let gone = try await run("explain -pid 5", refusing)
    #expect(gone == Outcome(code: 1, stdout: "", stderr: "Error: there is no process 5\n"))
    #expect(
      await AgentCommandsTests.run("explain -pid 0").stderr == "Error: -pid 0: a process ID is a number above zero\n")
    #expect(await AgentCommandsTests.run("explain -pid x").stderr.hasPrefix("invalid value \"x\" for flag -pid: "))
  }
}
