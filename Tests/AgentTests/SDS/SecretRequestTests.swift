import EnvoyProtos
import Foundation
import Mutations
import SwiftProtobuf
import Testing

@testable import Agent

/// What becomes of the bytes that an Envoy sends.
@Suite struct SecretRequestTests {
  private func node(_ fill: (inout Envoy_Config_Core_V3_Node) -> Void) -> EnvoyNode {
    var node = Envoy_Config_Core_V3_Node()
    fill(&node)
    return EnvoyNode(node)
  }

  private func version(_ major: UInt32, _ minor: UInt32) -> EnvoyNode {
    node {
      $0.userAgentBuildVersion.version.majorNumber = major
      $0.userAgentBuildVersion.version.minorNumber = minor
    }
  }

  @Test func validatorFromEnvoy118On() {
    for (major, minor, takes) in [(0, 99, false), (1, 16, false), (1, 17, false), (1, 18, true), (2, 0, true)] {
      #expect(version(UInt32(major), UInt32(minor)).takesSPIFFEValidator == takes, "\(major).\(minor)")
    }
    // One that says it in another way, or not at all, has it.
    #expect(node { $0.userAgentVersion = "1.10" }.takesSPIFFEValidator)
    #expect(node { $0.userAgentBuildVersion.metadata = .init() }.takesSPIFFEValidator)
    #expect(node { _ in }.takesSPIFFEValidator)
  }

  @Test func metadataOfTheNodeSwitchesTheValidatorOff() {
    func takes(_ value: Google_Protobuf_Value) -> Bool {
      node { $0.metadata.fields["disable_spiffe_cert_validation"] = value }.takesSPIFFEValidator
    }
    for text in ["1", "t", "T", "TRUE", "true", "True"] { #expect(!takes(.init(stringValue: text)), "\(text)") }
    for text in ["0", "false", "yes", "tRUE", " true", ""] { #expect(takes(.init(stringValue: text)), "\(text)") }
    #expect(!takes(.init(boolValue: true)))
    #expect(takes(.init(boolValue: false)))
    #expect(takes(.init(numberValue: 1)))
    #expect(takes(.init(nilLiteral: ())))
  }

  @Test func nodesAreKeptWithinBounds() {
    #expect(node { $0.id = "sidecar~10.0.0.1~a.b~c" }.id == "sidecar~10.0.0.1~a.b~c")
    #expect(node { $0.id = String(repeating: "x", count: 5000) }.id.utf8.count == 256)
    #expect(node { $0.id = String(repeating: "é", count: 200) }.id.utf8.count <= 258)
  }

  @Test func requestsHaveBounds() throws {
    func request(_ fill: (inout DiscoveryRequest) -> Void) throws -> SecretRequest {
      var message = DiscoveryRequest()
      fill(&message)
      return try SecretRequest(message)
    }
    let long = String(repeating: "n", count: 2049)
    #expect(try request { $0.resourceNames = Array(repeating: "a", count: 1000) }.node == nil)
    for fill: (inout DiscoveryRequest) -> Void in [
      { $0.resourceNames = Array(repeating: "a", count: 1001) }, { $0.resourceNames = [long] },
      { $0.typeURL = String(repeating: "t", count: 257) },
    ] {
      let error = #expect(throws: AgentError.self) { try request(fill) }
      #expect(error?.code == .invalidArgument)
    }
    let full = try request {
      $0.responseNonce = long
      $0.versionInfo = long
      $0.errorDetail.message = String(repeating: "e", count: 10_000)
    }
    #expect(full.nonce.count == 64 && full.version.count == 64 && full.failure?.count == 4096)

    func delta(_ fill: (inout DeltaRequest) -> Void) throws -> SecretRequest {
      var message = DeltaRequest()
      fill(&message)
      return try SecretRequest(message)
    }
    for fill: (inout DeltaRequest) -> Void in [
      { $0.resourceNamesSubscribe = [long] }, { $0.resourceNamesUnsubscribe = [long] },
      { $0.initialResourceVersions = [long: ""] },
      { $0.resourceNamesUnsubscribe = Array(repeating: "a", count: 1001) },
    ] {
      let error = #expect(throws: AgentError.self) { try delta(fill) }
      #expect(error?.code == .invalidArgument)
    }
    #expect(
      try delta {
        $0.initialResourceVersions = ["a": long]
        $0.errorDetail.message = "no"
      }
        == SecretRequest(
          names: .changes(subscribe: [], unsubscribe: [], known: ["a": String(repeating: "n", count: 64)]),
          failure: "no"))
  }

  @Test func nothingMakesItTrap() throws {
    let update = try SecretWorld().update()
    for (seed, isDelta) in [(EnvoyRequests.istio("default"), false), (EnvoyRequests.kumaDelta, true)] {
      for bytes in Mutations(of: seed, count: 3000) {
        let request =
          isDelta
          ? try? SecretRequest(DeltaRequest(serializedBytes: bytes))
          : try? SecretRequest(DiscoveryRequest(serializedBytes: bytes))
        guard let request else { continue }
        var stream = SecretStream(SecretNames())
        stream.receive(update)
        for _ in 0..<2 {
          _ = stream.receive(request)
          if stream.act() == .lookAgain { stream.look(update) }
          _ = stream.act()
        }
      }
    }
  }
}
