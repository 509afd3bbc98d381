import AgentPlugins
import DaemonTesting
import Foundation
import GRPCCore
import GRPCProtobuf
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// The broker API over mutual TLS: what brokers get, and what they are refused.
@Suite struct BrokerServiceTests {
  typealias Client = BrokerHarness.Client
  typealias Update = Spiffe_Broker_SubscribeToX509SVIDResponse

  private func status(_ body: () async throws -> Void) async -> RPCError? {
    await #expect(throws: RPCError.self) { try await body() }
  }

  private func reason(_ error: RPCError?) -> String? {
    let info = (try? error?.unpackGoogleRPCStatus())?.details.first?.errorInfo
    return info?.domain == "spiffe.io" ? info?.reason : nil
  }

  /// Reads updates: `handle` is called with the number of each, until it returns false.
  private func subscribe(
    _ client: RPCClient, _ reference: Spiffe_Broker_WorkloadReference?, _ metadata: Metadata = BrokerHarness.header,
    _ handle: @Sendable @escaping (Int, Update) async throws -> Bool = { _, _ in false }
  ) async throws {
    let request = Spiffe_Broker_SubscribeToX509SVIDRequest.with { if let reference { $0.reference = reference } }
    try await Client(wrapping: client).subscribeToX509SVID(request, metadata: metadata) { response in
      var number = 0
      for try await update in response.messages {
        if try await !handle(number, update) { return }
        number += 1
      }
    }
  }

  // MARK: X509-SVIDs

  @Test func aBrokerGetsAWorkloadsIdentitiesAndTheirChanges() async throws {
    let child = try ChildProcess()
    let pid = child.pid
    let metrics = RecordedMetrics()
    try await BrokerHarness.run(metrics: metrics.metrics) { harness in
      let agent = harness.agent
      try await harness.overUnix(harness.credential()) { client in
        let ended = await status {
          try await subscribe(client, .pid(pid)) { number, update in
            if number > 0 {
              #expect(update.svids.map(\.spiffeID) == ["spiffe://example.org/db"])
              agent.server.change { $0.entries["3"] = nil }
              try await agent.syncAndSign()
              return true
            }
            // Of two with one hint the older entry's; no administrator's and no downstream server's.
            #expect(update.svids.map(\.spiffeID) == ["spiffe://example.org/web"])
            let svid = try #require(update.svids.first)
            #expect(svid.hint == "internal" && Array(svid.bundle) == agent.ca.der && !svid.x509SvidKey.isEmpty)
            #expect(try CertificateFacts(leaf: Array(svid.x509Svid)).id.path == "/web")
            #expect(update.federatedBundles == ["spiffe://other.org": Data(harness.foreign.der)])
            #expect(metrics.value("broker_api.connections") == 1)
            agent.server.change { $0.entries["2"] = nil }
            try await agent.syncAndSign()
            return true
          }
        }
        #expect(ended?.code == .permissionDenied && ended?.message == "no identity issued")
        #expect(reason(ended) == "WORKLOAD_NOT_ENTITLED")
      }
    }
    child.end()
    #expect(metrics.value("broker_api.connection") == 1 && metrics.value("broker_api.connections") == 0)
    #expect(
      BrokerService.policies.map { $0.names.words.joined(separator: ".") }.contains(
        "spiffe.broker.api.subscribe_to_x509svid"))
    #expect(metrics.value("delegated_identity_api.subscribe_x509_svids.first_update.elapsed_time") != nil)
  }

  @Test func aStreamEndsWithItsProcess() async throws {
    let child = try ChildProcess()
    let pid = child.pid
    try await BrokerHarness.run { harness in
      try await harness.overUnix(harness.credential()) { client in
        let ended = await status {
          try await subscribe(client, .pid(pid)) { _, _ in
            kill(pid, SIGKILL)
            while waitpid(pid, nil, WNOHANG) == 0 { await Task.yield() }
            harness.agent.server.change { $0.entries["2"] = nil }
            try await harness.agent.syncAndSign()
            return true
          }
        }
        #expect(ended?.code == .notFound && ended?.message == "workload not found: process \(pid) ended")
        let gone = await status { try await subscribe(client, .pid(pid)) }
        #expect(gone?.code == .notFound)
        #expect(reason(gone) == "WORKLOAD_NOT_FOUND")
      }
    }
  }

  @Test func objectsAreAttestedForTheBrokerThatNamesThem() async throws {
    let attestor = BrokerHarness.ObjectAttestor(result: .success(["ns:default"]))
    try await BrokerHarness.run(attestors: [FixedAttestor(values: ["uid:1"]), attestor]) { harness in
      let selectors = ["broker:/broker", "name:web-0", "ns:default"].map { Selector(type: "k8s", value: $0) }
      harness.agent.server.put(
        AgentEntry(
          id: "7", spiffeID: try SPIFFEID("spiffe://example.org/pod"), selectors: selectors, createdAt: 1))
      try await harness.agent.syncAndSign()
      try await harness.overTCP(harness.credential()) { client in
        try await subscribe(client, .pod("web-0")) { _, update in
          #expect(update.svids.map(\.spiffeID) == ["spiffe://example.org/pod"])
          return false
        }
        let other = await status { try await subscribe(client, .pod("web-1")) }
        #expect(other?.code == .permissionDenied && other?.message == "no identity issued")
      }
    }
  }

  // MARK: Refusals

  @Test func theHeaderIsRequiredOnceByEveryMethod() async throws {
    try await BrokerHarness.run { harness in
      let reference = try Spiffe_Broker_WorkloadReference.pid(getpid())
      try await harness.overUnix(harness.credential()) { client in
        let api = Client(wrapping: client)
        for metadata: Metadata in [
          [:], ["broker.spiffe.io": "TRUE"], ["broker.spiffe.io": "true", "x": "y", "broker.spiffe.io": "true"],
          ["workload.spiffe.io": "true"],
        ] {
          let errors = [
            await status { try await subscribe(client, reference, metadata) },
            await status {
              try await api.subscribeToX509Bundles(.with { $0.reference = reference }, metadata: metadata) {
                for try await _ in $0.messages {}
              }
            },
            await status {
              try await api.subscribeToJWTBundles(.with { $0.reference = reference }, metadata: metadata) {
                for try await _ in $0.messages {}
              }
            },
            await status { _ = try await api.fetchJWTSVID(.with { $0.reference = reference }, metadata: metadata) },
            await status { _ = try await services(client, metadata) },
          ]
          for error in errors {
            #expect(error?.code == .invalidArgument && error?.message == "security header missing from request")
          }
        }
      }
    }
  }

  @Test func referencesAreCheckedBeforeAnybodyIsAttested() async throws {
    let pid = getpid()
    let kubernetes = BrokerReference.kubernetesURL
    try await BrokerHarness.run { harness in
      try await harness.overUnix(harness.credential()) { client in
        let cases: [(Spiffe_Broker_WorkloadReference?, RPCError.Code, String, String)] = [
          (nil, .invalidArgument, "workload reference must be provided", "WORKLOAD_REFERENCE_INVALID"),
          (.init(), .invalidArgument, "workload reference must be provided", "WORKLOAD_REFERENCE_INVALID"),
          (.of(""), .invalidArgument, "workload reference must be provided", "WORKLOAD_REFERENCE_INVALID"),
          (
            .of("type.googleapis.com/example.Other"), .permissionDenied,
            "broker \"spiffe://example.org/broker\" is not allowed to use reference type "
              + "\"type.googleapis.com/example.Other\"", "WORKLOAD_NOT_ENTITLED"
          ),
          (
            .of(BrokerReference.pidURL, Data([0xFF])), .invalidArgument,
            "workload reference cannot be read as \(BrokerReference.pidURL)", "WORKLOAD_REFERENCE_INVALID"
          ),
          (
            try .pid(0), .invalidArgument, "workload reference names no process: a PID is above zero",
            "WORKLOAD_REFERENCE_INVALID"
          ),
          // Not repeated in the refusal.
          (
            .of(String(repeating: "u", count: 100_000)), .invalidArgument,
            "workload reference is longer than 16384 bytes, or its type than 1024", "WORKLOAD_REFERENCE_INVALID"
          ), (try .pod("x"), .unimplemented, "no workload attestor handled reference", "WORKLOAD_REFERENCE_INVALID"),
        ]
        for (reference, code, message, reason) in cases {
          let error = await status { try await subscribe(client, reference) }
          #expect(error?.code == code && error?.message == message)
          let found = self.reason(error)
          #expect(found == reason)
        }
        let gone = await status { try await subscribe(client, .pid(.max)) }
        #expect(gone?.code == .notFound && gone?.message.hasPrefix("workload not found: ") == true)
      }
      // A process number says nothing on another machine.
      try await harness.overTCP(harness.credential()) { client in
        let error = await status { try await subscribe(client, .pid(pid)) }
        #expect(error?.code == .permissionDenied)
        #expect(
          error?.message
            == "reference type \"\(BrokerReference.pidURL)\" is not allowed over TCP for broker "
            + "\"spiffe://example.org/broker\"")
        let allowed = await status { try await subscribe(client, .of(kubernetes)) }
        #expect(allowed?.code == .unimplemented)
      }
      try await harness.overTCP(harness.credential("/any")) { client in
        try await subscribe(client, .pid(pid))
        let error = await status { try await subscribe(client, .of("type.googleapis.com/example.Other")) }
        #expect(error?.code == .unimplemented && error?.message == "no workload attestor handled reference")
      }
    }
  }

  @Test(arguments: [
    (AgentPluginError.Code.notFound, RPCError.Code.notFound, "WORKLOAD_NOT_FOUND" as String?),
    (.invalidArgument, .invalidArgument, "WORKLOAD_REFERENCE_INVALID"),
    (.permissionDenied, .permissionDenied, "WORKLOAD_NOT_ENTITLED"), (.unavailable, .unavailable, nil),
    (.deadlineExceeded, .deadlineExceeded, nil),
  ])
  func attestorsStatusesArePreserved(
    _ code: AgentPluginError.Code, _ expected: RPCError.Code, _ reason: String?
  ) async throws {
    let attestor = BrokerHarness.ObjectAttestor(
      result: .failure(AgentPluginError(code, "workloadattestor(k8s): boom")))
    try await BrokerHarness.run(attestors: [attestor, FixedAttestor()]) { harness in
      try await harness.overUnix(harness.credential()) { client in
        let error = await status { try await subscribe(client, .pod("web-0")) }
        #expect(error?.code == expected)
        #expect(
          error?.message
            == "workload attestor \"k8s\" failed: rpc error: code = \(code.rawValue) desc = workloadattestor(k8s): boom"
        )
        let found = self.reason(error)
        #expect(found == reason)
      }
    }
  }

  @Test func withoutTLSNobodyIsKnown() async throws {
    try await BrokerHarness.run { harness in
      let settings = try BrokerHarness.settings("/nowhere")
      let service = BrokerService(BrokerParts(settings, harness.agent.adminParts()), processes: HostProcesses())
      try await harness.agent.withSocket(
        harness.path + ".plain", [service], BrokerService.policies, behind: [BrokerGate()]
      ) { client in
        let error = await status { try await subscribe(client, .pid(getpid())) }
        #expect(error?.code == .unauthenticated && error?.message == "unable to determine caller identity")
      }
    }
  }

  // MARK: JWT-SVIDs, bundles, reflection

  @Test func tokensOfAWorkload() async throws {
    try await BrokerHarness.run { harness in
      let reference = try Spiffe_Broker_WorkloadReference.pid(getpid())
      try await harness.overUnix(harness.credential()) { client in
        let api = Client(wrapping: client)
        func fetch(_ change: (inout Spiffe_Broker_FetchJWTSVIDRequest) -> Void) async throws -> [Spiffe_Broker_JWTSVID]
        {
          var request = Spiffe_Broker_FetchJWTSVIDRequest()
          request.reference = reference
          request.audience = ["db"]
          change(&request)
          return try await api.fetchJWTSVID(request, metadata: BrokerHarness.header).svids
        }
        let all = try await fetch { _ in }
        #expect(
          all.map(\.spiffeID) == [
            "spiffe://example.org/web", "spiffe://example.org/admin", "spiffe://example.org/nested",
          ])
        #expect(try JWTSVIDValidator.parseUnverified(all[0].svid).id.path == "/web")
        #expect(all[0].hint == "internal")
        let one = try await fetch { $0.spiffeID = "spiffe://example.org/web" }
        #expect(one.map(\.spiffeID) == ["spiffe://example.org/web"])
        let audience = await status { _ = try await fetch { $0.audience = [] } }
        #expect(audience?.code == .invalidArgument && audience?.message == "audience must be specified")
        let bad = await status { _ = try await fetch { $0.spiffeID = "x" } }
        #expect(bad?.code == .invalidArgument && bad?.message.hasPrefix("invalid requested SPIFFE ID: ") == true)
        let other = await status { _ = try await fetch { $0.spiffeID = "spiffe://example.org/delegate" } }
        #expect(other?.code == .permissionDenied)
        #expect(reason(other) == "WORKLOAD_NOT_ENTITLED")
        let none = await status { _ = try await fetch { $0.clearReference() } }
        #expect(none?.message == "workload reference must be provided")
        harness.agent.server.change { $0.jwtFailure = AgentError(.unknown, "away") }
        let failed = await status { _ = try await fetch { $0.audience = ["new"] } }
        #expect(failed?.code == .unavailable && failed?.message.hasPrefix("could not fetch JWT-SVID: ") == true)
      }
    }
  }

  @Test func bundlesForAWorkloadThatCanBeAttested() async throws {
    try await BrokerHarness.run { harness in
      let reference = try Spiffe_Broker_WorkloadReference.pid(getpid())
      try await harness.overUnix(harness.credential()) { client in
        let api = Client(wrapping: client)
        let header = BrokerHarness.header
        let x509 = try await api.subscribeToX509Bundles(.with { $0.reference = reference }, metadata: header) {
          var seen: [[String]] = []
          for try await message in $0.messages {
            #expect(message.bundles["spiffe://example.org"] == Data(harness.agent.ca.der))
            seen.append(message.bundles.keys.sorted())
            if seen.count == 2 { break }
            harness.agent.server.put(try entry("2", "/web", ["uid:1"], revision: 1))
            try await harness.agent.syncAndSign()
          }
          return seen
        }
        #expect(x509 == [["spiffe://example.org", "spiffe://other.org"], ["spiffe://example.org"]])
        let jwt = try await api.subscribeToJWTBundles(.with { $0.reference = reference }, metadata: header) {
          for try await message in $0.messages { return message.bundles }
          return [:]
        }
        let text = String(decoding: jwt["spiffe://example.org"] ?? Data(), as: UTF8.self)
        #expect(text.contains(harness.agent.ca.jwtKeyID) && !text.contains("x5c"))
        let none = await status {
          try await api.subscribeToX509Bundles(.init(), metadata: header) { for try await _ in $0.messages {} }
        }
        #expect(none?.code == .invalidArgument && none?.message == "workload reference must be provided")
      }
    }
  }

  private func services(_ client: RPCClient, _ metadata: Metadata) async throws -> [String] {
    try await Grpc_Reflection_V1_ServerReflection.Client(wrapping: client)
      .serverReflectionInfo(metadata: metadata) {
        try await $0.write(.with { $0.listServices = "" })
      } onResponse: { response in
        for try await message in response.messages { return message.listServicesResponse.service.map(\.name) }
        return []
      }
  }

  @Test func reflectionIsForTheUnixSocket() async throws {
    try await BrokerHarness.run { harness in
      try await harness.overUnix(harness.credential()) { client in
        let names = try await services(client, BrokerHarness.header)
        #expect(names.contains("spiffe.broker.API"))
      }
      try await harness.overTCP(harness.credential()) { client in
        let error = await status { _ = try await services(client, BrokerHarness.header) }
        #expect(error?.code == .permissionDenied)
        #expect(error?.message == "server reflection is only available over Unix sockets")
      }
    }
  }
}
