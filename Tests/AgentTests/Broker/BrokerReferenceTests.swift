import AgentPlugins
import Foundation
import Mutations
import SwiftProtobuf
import Testing
import WorkloadProtos

@testable import Agent

@Suite struct BrokerReferenceTests {
  private static let object = Spiffe_Broker_KubernetesObjectReference.with { message in
    message.type = .with {
      $0.plural = "pods"
      $0.group = "core"
    }
    message.key = .with {
      $0.namespace = "default"
      $0.name = "web-0"
    }
    message.uid = "8a1b"
  }

  @Test func processesAndObjectsAreRead() throws {
    let pid = try Spiffe_Broker_WorkloadPIDReference.with { $0.pid = 4711 }.serializedData()
    #expect(try BrokerReference.decode(typeURL: BrokerReference.pidURL, value: pid) == .pid(4711))
    #expect(
      try BrokerReference.decode(typeURL: BrokerReference.kubernetesURL, value: Self.object.serializedData())
        == .kubernetesObject(
          KubernetesObjectReference(plural: "pods", group: "core", namespace: "default", name: "web-0", uid: "8a1b")))
    // What is missing is for the attestor to refuse.
    #expect(
      try BrokerReference.decode(typeURL: BrokerReference.kubernetesURL, value: Data())
        == .kubernetesObject(KubernetesObjectReference(hasType: false, hasKey: false)))
    let other = "type.googleapis.com/example.Other"
    #expect(
      try BrokerReference.decode(typeURL: other, value: Data([1, 2])) == .other(typeURL: other, value: [1, 2]))
  }

  @Test(arguments: [0, -1, Int32.min])
  func numbersOfNoProcessAreRefused(_ pid: Int32) throws {
    let value = try Spiffe_Broker_WorkloadPIDReference.with { $0.pid = pid }.serializedData()
    #expect(throws: BrokerReference.Fault.self) {
      try BrokerReference.decode(typeURL: BrokerReference.pidURL, value: value)
    }
  }

  /// The configuration lists whole URLs: the same message under another prefix is another type.
  @Test func typesAreKnownByTheirWholeURLs() throws {
    let value = try Spiffe_Broker_WorkloadPIDReference.with { $0.pid = 1 }.serializedData()
    for url in ["spiffe.broker.WorkloadPIDReference", "x/spiffe.broker.WorkloadPIDReference"] {
      #expect(try BrokerReference.decode(typeURL: url, value: value) == .other(typeURL: url, value: Array(value)))
    }
  }

  @Test func sizesAreBounded() throws {
    let large = Data(count: BrokerReference.maximumBytes + 1)
    for url in [BrokerReference.pidURL, "other"] {
      #expect(throws: BrokerReference.Fault.self) { try BrokerReference.decode(typeURL: url, value: large) }
    }
    #expect(throws: BrokerReference.Fault.self) {
      try BrokerReference.decode(
        typeURL: String(repeating: "u", count: BrokerReference.maximumURLBytes + 1), value: Data())
    }
  }

  @Test func anyBytesGiveAReferenceOrAnError() throws {
    for bytes in Mutations(of: Array(try Self.object.serializedData()), count: 5000) {
      for url in [BrokerReference.pidURL, BrokerReference.kubernetesURL] {
        guard let reference = try? BrokerReference.decode(typeURL: url, value: Data(bytes)) else { continue }
        if case .pid(let pid) = reference { #expect(pid > 0) }
      }
    }
  }
}
