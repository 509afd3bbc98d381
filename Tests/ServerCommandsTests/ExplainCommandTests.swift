import CommandTesting
import Console
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

/// `explain` and `-dryRun` as the terminal shows them.
@Suite struct ExplainCommandTests {
  private typealias Method = Swiftspire_Server_Explain_V1_Explain.Method
  private typealias DryRunRequest = Swiftspire_Server_Explain_V1_DryRunEntriesRequest
  private typealias DryRunResponse = Swiftspire_Server_Explain_V1_DryRunEntriesResponse
  private typealias IdentityRequest = Swiftspire_Server_Explain_V1_ExplainIdentityRequest
  private typealias IdentityResponse = Swiftspire_Server_Explain_V1_ExplainIdentityResponse
  private static let flags = "-selector unix:uid:1 -parentID spiffe://example.org/host -spiffeID spiffe://example.org/a"

  private static func id(_ path: String) -> Spire_Api_Types_SPIFFEID {
    .with { ($0.trustDomain, $0.path) = ("example.org", path) }
  }

  private static func selector(_ value: String) -> Spire_Api_Types_Selector {
    .with { ($0.type, $0.value) = ("unix", value) }
  }

  private func dryRun(
    _ line: String, _ answer: @escaping @Sendable (DryRunRequest) -> DryRunResponse
  ) async throws -> Outcome {
    // No other method is there: were anything written, the command would fail.
    try await run(line, methods: [Unary<DryRunRequest, DryRunResponse>(Method.DryRunEntries.descriptor) { answer($0) }])
  }

  private func explain(_ line: String, _ answer: IdentityResponse) async throws -> Outcome {
    try await run(
      line, methods: [Unary<IdentityRequest, IdentityResponse>(Method.ExplainIdentity.descriptor) { _ in answer }])
  }

  @Test func aDryRunShowsWhatWouldHappen() async throws {
    let outcome = try await dryRun("entry create -dryRun \(Self.flags)") { request in
      #expect(request.action == .create)
      return .with {
        $0.results = [
          .with { result in
            result.status.message = "OK"
            result.entry = request.entries[0]
            result.analysed = true
            result.agents.total = 1
            result.agents.agents = [
              .with {
                $0.id = Self.id("/spire/agent/x")
                $0.path = [
                  .with {
                    $0.spiffeID = Self.id("/host")
                    $0.entryID = "h1"
                    $0.nodeAlias = true
                    $0.selectors = [.with { ($0.type, $0.value) = ("k8s_psat", "cluster:c") }]
                  }
                ]
                $0.verdict = "would receive it at its next sync"
              }
            ]
            result.similar = [
              .with {
                $0.kind = .otherSpiffeID
                $0.entry.id = "o1"
                $0.entry.spiffeID = Self.id("/b")
              }
            ]
            result.findings = [
              .with {
                $0.severity = .warning
                $0.message = "unix:uid:x is odd"
                $0.advice = "write a number"
              }
            ]
          }
        ]
      }
    }
    #expect(
      outcome
        == .success(
          """
          Dry run: nothing was written. This is what the server would do.

          It would create the following entry:
          Entry ID                : (none)
          SPIFFE ID               : spiffe://example.org/a
          Parent ID               : spiffe://example.org/host
          Revision                : 0
          X509-SVID TTL           : default
          JWT-SVID TTL            : default
          Selector                : unix:uid:1

          1 agent would receive it:
            spiffe://example.org/spire/agent/x
              through spiffe://example.org/host (node entry h1, by k8s_psat:cluster:c)
              would receive it at its next sync

          Entries that are like it:
            entry o1 has the same parent and selectors with another SPIFFE ID, spiffe://example.org/b:
              workloads would get both

          Warning: unix:uid:x is odd
            -> write a number


          """))
  }

  @Test func aRefusalIsInTheExitCode() async throws {
    let answer: @Sendable (DryRunRequest) -> DryRunResponse = { request in
      .with {
        $0.results = request.entries.map { entry in
          .with {
            ($0.status.code, $0.status.message) = (6, "similar entry already exists")
            $0.entry = entry
          }
        }
      }
    }
    let pretty = try await dryRun("entry update -entryID e -dryRun \(Self.flags)", answer)
    #expect(pretty.code == 1)
    #expect(
      pretty.stdout.contains(
        "It would refuse to update the following entry (code: AlreadyExists, msg: \"similar entry already exists\"):"))
    #expect(pretty.stderr == "Error: one or more entries would be refused; nothing was written\n")
    let json = try await dryRun("entry create -dryRun -output json \(Self.flags)", answer)
    #expect(json.code == 1)
    #expect(json.stdout.contains(#""status":{"code":6,"message":"similar entry already exists"}"#))
    #expect(json.stderr.isEmpty)
  }

  @Test func aFileIsSummedUp() async throws {
    let input = """
      {"entries": [{"spiffe_id": "spiffe://a/1", "parent_id": "spiffe://a/p", "selectors": [{"type":"a","value":"b"}]},
                   {"spiffe_id": "spiffe://a/2", "parent_id": "spiffe://a/p", "selectors": [{"type":"a","value":"b"}]}]}
      """
    let outcome = try await run(
      "entry create -dryRun -data -", input: input,
      methods: [
        Unary<DryRunRequest, DryRunResponse>(Method.DryRunEntries.descriptor) { request in
          .with {
            $0.results = request.entries.map { entry in
              .with {
                $0.entry = entry
                $0.status.code = entry.spiffeID.path == "/2" ? 3 : 0
              }
            }
          }
        }
      ])
    #expect(outcome.code == 1)
    #expect(outcome.stdout.hasSuffix("2 entries: 1 would be created, 1 would be refused.\n"))
    #expect(outcome.stdout.contains("Not looked at further: it comes late in a large batch."))
  }

  @Test func aServerThatCannotIsNamed() async throws {
    for line in ["entry create -dryRun \(Self.flags)", "explain -entryID x"] {
      let outcome = try await run(line, methods: [])
      #expect(outcome.code == 1)
      #expect(
        outcome.stderr.contains(
          "cannot explain: it is another implementation, or an older version. Nothing was changed"))
    }
  }

  @Test func explainLeadsFromTheEntryToTheAgent() async throws {
    let answer = IdentityResponse.with { response in
      response.now = 1_800_000_000
      response.serverStartedAt = 1_799_999_000
      response.entriesTotal = 1
      response.entries = [
        .with { entry in
          entry.entry.id = "e1"
          entry.entry.spiffeID = Self.id("/web")
          entry.entry.parentID = Self.id("/host")
          entry.entry.selectors = [Self.selector("uid:1"), Self.selector("gid:2")]
          entry.entry.createdAt = 1_799_990_000
          entry.agents.total = 1
          entry.agents.agents = [
            .with {
              $0.id = Self.id("/spire/agent/x")
              $0.x509SvidSerialNumber = "77"
              $0.x509SvidExpiresAt = 1_800_003_600
              $0.lastSyncAt = 1_799_999_997
              $0.lastSyncEntries = 3
              $0.agentVersion = "1.15.3"
              $0.verdict = "has it, with an X.509-SVID until 2027-01-15T08:30:00Z"
            }
          ]
        }
      ]
    }
    let outcome = try await explain("explain -spiffeID spiffe://example.org/web", answer)
    #expect(
      outcome
        == .success(
          """
          Entry e1, revision 0
            SPIFFE ID    spiffe://example.org/web
            Parent       spiffe://example.org/host
            Selectors    unix:uid:1
                         unix:gid:2
            Created      2027-01-15T05:13:20Z

            1 agent is entitled to it, for workloads that have all of its selectors:
              spiffe://example.org/spire/agent/x
                has it, with an X.509-SVID until 2027-01-15T08:30:00Z
                its own SVID is valid until 2027-01-15T09:00:00Z (serial 77); last sync 3s ago with 3 entries;
                version 1.15.3

          If a workload gets nothing although its agent has the entry, ask that agent, on its machine:
          spire-agent explain -pid PID

          """))
  }

  @Test func whatIsNotThereEndsWithOne() async throws {
    let answer = IdentityResponse.with {
      $0.nearest = ["spiffe://example.org/web", "spiffe://example.org/wob"]
      $0.findings = [
        .with {
          $0.severity = .problem
          $0.message = "no entry gives out spiffe://example.org/wab"
          $0.advice = "did you mean spiffe://example.org/web?"
        }
      ]
    }
    let outcome = try await explain("explain -spiffeID spiffe://example.org/wab", answer)
    #expect(outcome.code == 1)
    #expect(
      outcome.stdout == """
        Problem: no entry gives out spiffe://example.org/wab
          -> did you mean spiffe://example.org/web?

        Like spiffe://example.org/wab:
          spiffe://example.org/web
          spiffe://example.org/wob

        """)
    #expect(outcome.stderr.isEmpty)
  }

  @Test func anAgentIsExplained() async throws {
    let answer = IdentityResponse.with {
      $0.now = 1_800_000_000
      $0.agent.agent.id = Self.id("/spire/agent/x")
      $0.agent.agent.attestationType = "join_token"
      $0.agent.agent.state = .banned
      $0.agent.agent.verdict = "is banned: the server refuses all of its calls"
      $0.agent.entriesTotal = 11
      $0.agent.entries = [
        .with {
          $0.id = "e"
          $0.spiffeID = Self.id("/web")
          $0.selectors = [Self.selector("uid:1")]
        }
      ]
      $0.agent.findings = [.with { ($0.severity, $0.message) = (.problem, "the agent is banned") }]
    }
    let outcome = try await explain("explain -spiffeID spiffe://example.org/spire/agent/x", answer)
    #expect(
      outcome
        == .success(
          """
          Agent spiffe://example.org/spire/agent/x
            is banned: the server refuses all of its calls
            no sync since this server started
            Attested by  join_token

            Its entries:
              spiffe://example.org/web for unix:uid:1 (entry e)
              and 10 more

          Problem: the agent is banned

          """))
  }

  @Test(arguments: [
    ("explain", "what is to be explained? -spiffeID names an identity or an agent, -entryID an entry"),
    ("explain -spiffeID spiffe://a/b -entryID e", "-spiffeID and -entryID can't be combined"),
    ("explain -spiffeID web", "-spiffeID \"web\": scheme is missing or invalid"),
  ])
  func badCommandLines(_ line: String, _ message: String) async {
    #expect(await run(line) == .failure(message))
  }
}
