import DaemonTesting
import Foundation
import Logging
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// Envoy's secret discovery without its wire: who may ask how often, what is logged and counted, how streams end.
@Suite struct SecretDiscoveryTests {
  private static let web = "spiffe://example.org/web"

  /// An agent whose callers have the identity `/web`, and whose server does not answer early.
  private func agent(_ folder: String, metrics: Metrics = .none) async throws -> TestAgent {
    let agent = try await TestAgent(directory: folder, metrics: metrics)
    agent.server.put(try entry("1", "/web", ["uid:0"]))
    try await agent.syncAndSign()
    agent.earlySync.syncBegins()
    agent.earlySync.syncEnded(.failed)
    return agent
  }

  private func discovery(_ agent: TestAgent, _ options: WorkloadAPI.Options = .init()) -> SecretDiscovery {
    SecretDiscovery(
      agent.workloadAPI(options: options), names: SecretNames(), metrics: agent.metrics, nonce: { 0xabcd })
  }

  /// The requests of a client that sends these and has then said everything.
  private func requests(_ requests: SecretRequest...) -> AsyncThrowingStream<SecretRequest, any Error> {
    AsyncThrowingStream { continuation in
      for request in requests { continuation.yield(request) }
      continuation.finish()
    }
  }

  @Test func whatWasAskedBeforeTheEndIsAnswered() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let responses = Collected<SecretResponse>()
      try await discovery(agent).stream(agent.call(.streamSecrets), requests: requests(.names([Self.web]))) {
        responses.add($0)
      }
      #expect(responses.all.map(\.names) == [[Self.web]])
      #expect(responses.all.map(\.nonce) == ["0000abcd"])
      // Nothing asked, nothing said.
      try await discovery(agent).stream(agent.call(.streamSecrets), requests: requests()) { responses.add($0) }
      #expect(responses.all.count == 1)
    }
  }

  @Test func aFetchHasNeitherVersionNorNonce() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let response = try await discovery(agent).fetch(agent.call(.fetchSecrets), .names(["ROOTCA", "default"]))
      #expect(response.names == ["ROOTCA", "default"])
      #expect(response.version.isEmpty && response.nonce.isEmpty && response.typeURL == Secret.typeURL)
      let error = await #expect(throws: AgentError.self) {
        try await discovery(agent).fetch(agent.call(.fetchSecrets), .names(["x"]))
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message == #"workload is not authorized for the requested identities ["x"]"#)
    }
  }

  @Test(arguments: [WorkloadMethod.streamSecrets, .deltaSecrets, .fetchSecrets])
  func anEntryThatWasMadeAMomentAgoIsServed(_ method: WorkloadMethod) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await agent.syncAndSign()
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      let discovery = discovery(agent)
      let responses = Collected<SecretResponse>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // The sync loop of the agent.
          try await agent.earlySync.syncNeeded.wait(atMost: .seconds(60), SystemTime())
          agent.earlySync.syncBegins()
          try await agent.syncAndSign()
          agent.earlySync.syncEnded(.changed)
        }
        let call = agent.call(method)
        switch method {
        case .fetchSecrets: responses.add(try await discovery.fetch(call, .names(["default"])))
        case .deltaSecrets:
          try await discovery.stream(call, requests: requests(.changes(["default"]))) { responses.add($0) }
        default: try await discovery.stream(call, requests: requests(.names(["default"]))) { responses.add($0) }
        }
        try await group.next()
      }
      #expect(responses.all.map(\.names) == [["default"]])
    }
  }

  @Test func callersAreLimitedAndCounted() async throws {
    try await withFolder { folder in
      let recorded = RecordedMetrics()
      let agent = try await agent(folder, metrics: recorded.metrics)
      var options = WorkloadAPI.Options()
      options.rateLimits.streamSecrets = 1
      options.rateLimits.fetchSecrets = 1
      let discovery = discovery(agent, options)
      let service = "/envoy.service.secret.v3.SecretDiscoveryService/"
      for (method, name) in [
        (WorkloadMethod.streamSecrets, "StreamSecrets"), (.deltaSecrets, "DeltaSecrets"),
        (.fetchSecrets, "FetchSecrets"),
      ] {
        func call() async throws {
          if method == .fetchSecrets {
            _ = try await discovery.fetch(agent.call(method), .names([Self.web]))
          } else {
            try await discovery.stream(agent.call(method), requests: requests()) { _ in }
          }
        }
        try await call()
        let error = await #expect(throws: AgentError.self) { try await call() }
        #expect(error?.code == .unavailable)
        #expect(error?.message == "rate limit exceeded for \(service)\(name)")
        #expect(recorded.labels("workload_api.rate_limit_exceeded") == [MetricLabel("method", name)])
      }
      #expect(recorded.value("sds_api.connection") == 6)
      #expect(recorded.value("sds_api.connections") == 0)
    }
  }

  @Test func callersThatCannotBeAttestedAreTurnedAway() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let call = agent.call(.streamSecrets, TestCaller(isGone: true))
      let error = await #expect(throws: AgentError.self) {
        try await discovery(agent).stream(call, requests: requests(.names([]))) { _ in }
      }
      #expect(error == AgentError(.unavailable, "") && error?.message == "workload attestation failed")
    }
  }

  @Test func theAgentsEndIsTheStreams() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let endless = AsyncThrowingStream<SecretRequest, any Error> { $0.yield(.names([Self.web])) }
      let error = await #expect(throws: AgentError.self) {
        try await discovery(agent).stream(agent.call(.streamSecrets), requests: endless) { _ in agent.cache.close() }
      }
      #expect(error?.code == .unavailable)
    }
  }

  @Test func aClientThatLeavesInTheMiddleEndsTheStream() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let broken = AsyncThrowingStream<SecretRequest, any Error> {
        $0.yield(.names([Self.web]))
        $0.finish(throwing: AgentError(.unknown, "connection reset"))
      }
      await #expect(throws: AgentError(.unknown, "")) {
        try await discovery(agent).stream(agent.call(.streamSecrets), requests: broken) { _ in }
      }
    }
  }

  @Test func theLogSaysWhichEnvoyRefusedWhatAndWhy() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let log = LogCapture()
      let call = WorkloadAPI.Call(method: .streamSecrets, caller: TestCaller(), logger: log.logger)
      let node = EnvoyNode(id: "sidecar-1")
      let failure = "Failed to load private key from <inline>"
      let (stream, input) = AsyncThrowingStream<SecretRequest, any Error>.makeStream()
      input.yield(.names([Self.web], node: node))
      let error = await #expect(throws: AgentError.self) {
        try await discovery(agent).stream(call, requests: stream) { response in
          input.yield(.names([Self.web], nonce: "old"))
          input.yield(.names([Self.web], nonce: response.nonce, failure: failure))
          input.yield(.names(["x"], nonce: response.nonce, version: "1"))
        }
      }
      #expect(error?.code == .invalidArgument)
      let rejected = log.first("Envoy reported errors applying secrets")
      #expect(rejected?.level == .error)
      #expect(
        rejected?.fields == ["error": failure, "node_id": "sidecar-1", "resource_names": "[\(Self.web)]"])
      #expect(
        log.first("Received unexpected nonce; ignoring request")?.fields
          == ["node_id": "sidecar-1", "nonce": "old", "expect": "0000abcd"])
      #expect(
        log.first("Client rejected expected version and rolled back")?.fields
          == ["node_id": "sidecar-1", "version_info": "", "expect": "1"])
      #expect(
        log.first("Error building stream secrets response")?.fields
          == ["error": #"workload is not authorized for the requested identities ["x"]"#])
    }
  }

  @Test func whatADeltaStreamMayNotHaveIsLogged() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder)
      let log = LogCapture()
      let call = WorkloadAPI.Call(method: .deltaSecrets, caller: TestCaller(), logger: log.logger)
      let responses = Collected<SecretResponse>()
      try await discovery(agent).stream(call, requests: requests(.changes(["x", "ROOTCA"]))) { responses.add($0) }
      #expect(responses.all.map(\.removed) == [["x"]])
      let warning = log.first("Workload is not authorized for the requested identities")
      #expect(warning?.level == .warning && warning?.fields == ["resource_names": "[x]"])
    }
  }
}
