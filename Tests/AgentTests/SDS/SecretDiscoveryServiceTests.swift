import AgentPlugins
import EnvoyProtos
import Foundation
import GRPCCore
import GRPCProtobuf
import RPC
import SPIFFE
import SwiftProtobuf
import Testing

@testable import Agent
@testable import Daemon

/// Envoy's secret discovery service on a socket, called with the bytes that proxies send and by a generated client.
@Suite struct SecretDiscoveryServiceTests {
  private typealias Methods = Envoy_Service_Secret_V3_SecretDiscoveryService.Method
  private typealias Client = Envoy_Service_Secret_V3_SecretDiscoveryService.Client<ReconnectingTransport>
  private typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse
  private typealias DeltaResponse = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse

  /// Serves an agent with an identity `/web` of this process at Istio's path below `folder`.
  private func withService(
    _ folder: String, _ body: @Sendable @escaping (TestAgent, RPCClient) async throws -> Void
  ) async throws {
    let agent = try await TestAgent(directory: folder)
    agent.server.put(try entry("1", "/web", ["uid:\(geteuid())"]))
    try await agent.syncAndSign()
    agent.withoutEarlySync()
    let discovery = SecretDiscovery(agent.workloadAPIForUsers(), names: SecretNames(), metrics: .none)
    try await agent.withSocket(
      folder + "/run/secrets/workload-spiffe-uds/socket",
      [SecretDiscoveryService(discovery, processes: HostProcesses())], SecretDiscoveryService.policies
    ) { client in try await body(agent, client) }
  }

  /// One stream: `answer` is called with each response, and says what to send next; nil ends it.
  private func converse<Output: SwiftProtobuf.Message>(
    _ client: RPCClient, _ method: MethodDescriptor, _ first: [UInt8], _ output: Output.Type,
    answer: @Sendable @escaping (_ number: Int, _ response: Output) async throws -> [[UInt8]]?
  ) async throws {
    let (requests, input) = AsyncStream<[UInt8]>.makeStream()
    input.yield(first)
    try await client.bidirectionalStreaming(
      request: StreamingClientRequest { writer in
        for await bytes in requests { try await writer.write(bytes) }
      }, descriptor: method, serializer: PreparedBytes(), deserializer: ProtobufDeserializer<Output>(),
      options: .defaults
    ) { response in
      var number = 0
      for try await message in response.messages {
        number += 1
        guard let next = try await answer(number, message) else {
          input.finish()
          continue
        }
        for bytes in next { input.yield(bytes) }
      }
    }
  }

  private static func secrets(_ response: Response) throws -> [EnvoySecret] {
    try response.resources.map { resource in
      #expect(resource.typeURL == Secret.typeURL)
      return try EnvoySecret(serializedBytes: resource.value)
    }
  }

  @Test func istiosProxyGetsItsCertificateAndItsAuthorities() async throws {
    try await withFolder { folder in
      try await withService(folder) { agent, client in
        let count = Collected<Int>()
        try await converse(
          client, Methods.StreamSecrets.descriptor, EnvoyRequests.istio("default"), Response.self
        ) { number, response in
          count.add(number)
          #expect(response.versionInfo == "\(number)" && response.typeURL == Secret.typeURL)
          let secrets = try Self.secrets(response)
          #expect(secrets.map(\.name) == ["default"])
          let chain = String(decoding: secrets[0].tlsCertificate.certificateChain.inlineBytes, as: UTF8.self)
          let leaf = try X509Certificates.parse(der: try PEM.decode(chain, type: "CERTIFICATE")[0])
          #expect(try X509Certificates.spiffeID(of: leaf).description == "spiffe://example.org/web")
          if number == 2 { return nil }
          // A new identity is an update for every stream.
          agent.server.put(try entry("2", "/db", ["uid:\(geteuid())"]))
          try await agent.syncAndSign()
          return [EnvoyRequests.acknowledge("default", version: response.versionInfo, nonce: response.nonce)]
        }
        #expect(count.all == [1, 2])
        try await converse(
          client, Methods.StreamSecrets.descriptor, EnvoyRequests.istio("ROOTCA"), Response.self
        ) { _, response in
          let secret = try #require(try Self.secrets(response).first)
          #expect(try secret.validator()?.keys.sorted() == ["example.org"])
          return nil
        }
      }
    }
  }

  @Test func anOldEnvoyGetsPlainAuthoritiesAlsoWhereItDoesNotSayAgainWhatItIs() async throws {
    try await withFolder { folder in
      try await withService(folder) { agent, client in
        try await converse(
          client, Methods.StreamSecrets.descriptor, EnvoyRequests.istio("ROOTCA", minor: 17), Response.self
        ) { number, response in
          let secrets = try Self.secrets(response)
          #expect(secrets.allSatisfy { $0.authorities.hasPrefix("-----BEGIN CERTIFICATE-----") })
          if number == 2 { return nil }
          return [
            EnvoyRequests.acknowledge("spiffe://example.org", version: response.versionInfo, nonce: response.nonce)
          ]
        }
        let error = await #expect(throws: RPCError.self) {
          try await converse(
            client, Methods.StreamSecrets.descriptor, EnvoyRequests.istio("ALL", minor: 17), Response.self
          ) { _, _ in nil }
        }
        #expect(error?.code == .internalError)
        #expect(error?.message == #"unable to use "SPIFFE validator" on Envoy below 1.17"#)
      }
    }
  }

  @Test func kumasDataPlaneGetsItsCertificateAndAllAuthorities() async throws {
    try await withFolder { folder in
      try await withService(folder) { agent, client in
        for name in ["spiffe://example.org/web", "ALL"] {
          try await converse(
            client, Methods.StreamSecrets.descriptor, EnvoyRequests.kuma(name), Response.self
          ) { _, response in
            let secret = try #require(try Self.secrets(response).first)
            #expect(secret.name == name)
            #expect(secret.tlsCertificate.hasPrivateKey == (name != "ALL"))
            return nil
          }
        }
        try await converse(
          client, Methods.DeltaSecrets.descriptor, EnvoyRequests.kumaDelta, DeltaResponse.self
        ) { number, response in
          #expect(response.resources.map(\.name) == ["ALL", "spiffe://example.org/web"])
          #expect(response.resources.allSatisfy { $0.resource.typeURL == Secret.typeURL && !$0.version.isEmpty })
          #expect(!response.nonce.isEmpty && response.systemVersionInfo == "1" && response.removedResources.isEmpty)
          return nil
        }
      }
    }
  }

  @Test func aRefusedResponseIsNotRepeatedAndTheNextOneComes() async throws {
    try await withFolder { folder in
      try await withService(folder) { agent, client in
        try await converse(
          client, Methods.StreamSecrets.descriptor, EnvoyRequests.istio("default"), Response.self
        ) { number, response in
          if number == 2 {
            #expect(response.versionInfo == "2")
            return nil
          }
          agent.server.put(try entry("2", "/db", ["uid:\(geteuid())"]))
          try await agent.syncAndSign()
          return [EnvoyRequests.refuse("default", version: "", nonce: response.nonce, because: "no such key type")]
        }
      }
    }
  }

  @Test func statusesReachTheClient() async throws {
    try await withFolder { folder in
      try await withService(folder) { agent, client in
        let service = Client(wrapping: client)
        var request = DiscoveryRequest()
        request.resourceNames = ["spiffe://example.org/web", "spiffe://example.org"]
        let response = try await service.fetchSecrets(request)
        #expect(try Self.secrets(response).map(\.name) == ["spiffe://example.org", "spiffe://example.org/web"])
        #expect(response.versionInfo.isEmpty && response.nonce.isEmpty && response.typeURL.isEmpty)
        request.resourceNames = ["spiffe://example.org/other"]
        let bad = await #expect(throws: RPCError.self) { _ = try await service.fetchSecrets(request) }
        #expect(bad?.code == .invalidArgument)
        #expect(
          bad?.message == #"workload is not authorized for the requested identities ["spiffe://example.org/other"]"#)
        let many = Array(repeating: "x", count: 1001)
        for isStream in [false, true] {
          request.resourceNames = many
          let tooMany = await #expect(throws: RPCError.self) {
            if isStream {
              try await converse(
                client, Methods.StreamSecrets.descriptor, try request.serializedBytes(), Response.self
              ) { _, _ in nil }
            } else {
              _ = try await service.fetchSecrets(request)
            }
          }
          #expect(tooMany?.code == .invalidArgument)
        }
        // What is no message ends the stream, and only that.
        await #expect(throws: RPCError.self) {
          try await converse(client, Methods.StreamSecrets.descriptor, [0xff, 0xff], Response.self) { _, _ in nil }
        }
        request.resourceNames = ["default"]
        #expect(try await service.fetchSecrets(request).resources.count == 1)
      }
    }
  }
}
