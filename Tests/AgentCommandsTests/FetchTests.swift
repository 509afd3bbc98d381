import CommandTesting
import Foundation
import GRPCCore
import SPIFFE
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtos

@testable import AgentCommands

@Suite struct FetchTests {
  private static let agent = try? RecordedAgent(RecordedCommandTests.recordings)

  private func x509(_ response: WorkloadX509SVIDResponse) -> [any FakeMethod] {
    [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchX509SVID.descriptor
      ) { _, writer in try await writer.write(response) }
    ]
  }

  @Test func filesAreWritten() async throws {
    let agent = try #require(Self.agent)
    try await withTemporaryFolder { folder in
      let outcome = try await run("api fetch x509 -silent -write \(folder)", methods: agent.methods)
      let lines = outcome.stdout.split(separator: "\n").map(String.init)
      #expect(
        Array(lines.prefix(4)) == [
          "Writing SVID #0 to file \(folder)/svid.0.pem.", "Writing key #0 to file \(folder)/svid.0.key.",
          "Writing bundle #0 to file \(folder)/bundle.0.pem.",
          "Writing federated bundle #0 for trust domain spiffe://partner.test to file \(folder)/federated_bundle.0.0.pem.",
        ])
      #expect(lines.count == 8)
      func blocks(_ name: String) throws -> [String] {
        try PEM.decode(String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)).map(\.type)
      }
      #expect(try blocks("svid.1.pem") == ["CERTIFICATE"])
      #expect(try blocks("svid.1.key") == ["PRIVATE KEY"])
      #expect(try blocks("bundle.1.pem") == ["CERTIFICATE", "CERTIFICATE"])
      #expect(try blocks("federated_bundle.1.0.pem") == ["CERTIFICATE"])
      let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/svid.0.key")[.posixPermissions] as? Int
      #expect(mode == 0o600)
    }
  }

  @Test func jsonIgnoresWrite() async throws {
    let agent = try #require(Self.agent)
    try await withTemporaryFolder { folder in
      _ = try await run("api fetch x509 -output json -write \(folder)", methods: agent.methods)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".pem") } == [])
    }
  }

  @Test func unusableResponsesAreRefused() async throws {
    let good = try #require(Self.agent).x509
    func stderr(_ change: (inout WorkloadX509SVIDResponse) -> Void) async throws -> String {
      var response = good
      change(&response)
      let outcome = try await run("api fetch x509", methods: x509(response))
      #expect(outcome.code == 1)
      #expect(outcome.stdout.isEmpty)
      return outcome.stderr
    }
    let entry = "failed to parse svid entry 1 for spiffe id \"spiffe://example.org/web\": "
    #expect(try await stderr { $0.svids = [] } == "workload response contains no svids\n")
    #expect(try await stderr { $0.svids[1].x509Svid = Data() } == entry + "no certificates found\n")
    #expect(
      try await stderr { $0.svids[1].x509SvidKey = Data([1]) }.hasPrefix(entry + "failed to parse private key: "))
    #expect(try await stderr { $0.svids[1].bundle = Data() } == entry + "no certificates in trust bundle\n")
    #expect(
      try await stderr { $0.svids[1].bundle = Data([0x30, 0x05]) }.hasPrefix(entry + "failed to parse trust bundle: "))
    #expect(
      try await stderr { $0.federatedBundles["spiffe://x"] = Data() }
        == "no certificates in bundle for federated domain \"spiffe://x\"\n")
    #expect(
      try await stderr { $0.federatedBundles["spiffe://x"] = Data([1]) }
        .hasPrefix("failed to parse bundle for federated domain \"spiffe://x\": "))
    // A chain that the bundle does not verify.
    let leaf = good.svids[0].x509Svid
    #expect(try await stderr { $0.svids[1].bundle = leaf } != "")
  }

  @Test func aRefusalIsPrintedAsItIs() async throws {
    let methods: [any FakeMethod] = [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchX509SVID.descriptor
      ) { _, _ in throw RPCError(code: .permissionDenied, message: "no identity issued") }
    ]
    #expect(
      try await run("api fetch x509", methods: methods)
        == Outcome(code: 1, stdout: "", stderr: "rpc error: code = PermissionDenied desc = no identity issued\n"))
  }

  @Test func audiencesAreSplitAtCommas() async throws {
    let seen = Mutex<WorkloadJWTSVIDRequest?>(nil)
    let methods: [any FakeMethod] = [
      Stream<WorkloadJWTBundlesRequest, WorkloadJWTBundlesResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchJWTBundles.descriptor
      ) { _, writer in try await writer.write(.init()) },
      Unary<WorkloadJWTSVIDRequest, WorkloadJWTSVIDResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchJWTSVID.descriptor
      ) { request in
        seen.withLock { $0 = request }
        return .init()
      },
    ]
    let line = "api fetch jwt -audience z -audience a,b, -spiffeID spiffe://a/b"
    #expect(try await run(line, methods: methods) == Outcome(code: 0, stdout: "", stderr: ""))
    #expect(seen.withLock { $0?.audience } == ["a", "b", ""])
    #expect(seen.withLock { $0?.spiffeID } == "spiffe://a/b")
    #expect(
      try await run("api fetch jwt -audience= -format json", methods: methods)
        == Outcome(code: 0, stdout: "[{\"svids\":[]},{\"bundles\":{}}]\n", stderr: ""))
    #expect(seen.withLock { $0?.audience } == [""])
  }

  @Test(arguments: [
    ("api fetch jwt", "audience must be specified\n"), ("api validate jwt -svid x", "audience must be specified\n"),
    ("api validate jwt -audience x", "svid must be specified\n"),
    ("logger set", "Error: a value (-level) must be set\n"),
    ("logger set -level nope", "Error: the value \"nope\" is not a valid setting\n"),
  ])
  func complaint(_ line: String, _ text: String) async {
    #expect(await run(line) == Outcome(code: 1, stdout: "", stderr: text))
  }

  @Test func validationFaultsAreTold() async throws {
    let outcome = try await run("api validate jwt -audience a -svid b", methods: [])
    #expect(outcome.code == 1)
    #expect(outcome.stderr.hasPrefix("unable to validate JWT SVID: rpc error: code = Unimplemented desc = "))
    let agent = try #require(Self.agent)
    let json = try await run("api validate jwt -audience db -svid b -output json", methods: agent.methods)
    #expect(
      json.stdout
        == #"{"claims":{"aud":["db"],"exp":1795292150,"iat":1795291850,"iss":"https://oidc.example.org","#
        + #""sub":"spiffe://example.org/admin"},"spiffe_id":"spiffe://example.org/admin"}"# + "\n")
  }

  @Test func anAgentThatHangsIsGivenUp() async throws {
    let methods: [any FakeMethod] = [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchX509SVID.descriptor
      ) { _, _ in try await Task.sleep(for: .seconds(3600)) }
    ]
    #expect(
      try await run("api fetch x509 -timeout 50ms", methods: methods)
        == Outcome(
          code: 1, stdout: "", stderr: "rpc error: code = DeadlineExceeded desc = context deadline exceeded\n"))
  }
}
