package import AgentPlugins
package import FoundationEssentials
import SwiftProtobuf
import WorkloadProtos

/// Reads the references by which brokers name workloads. Bytes from outside: bounded, pure.
package enum BrokerReference {
  package static let pidURL = "type.googleapis.com/spiffe.broker.WorkloadPIDReference"
  package static let kubernetesURL = "type.googleapis.com/spiffe.broker.KubernetesObjectReference"
  /// The most bytes of a reference.
  package static let maximumBytes = 16 << 10
  /// The most bytes of its type's URL, which refusals repeat.
  package static let maximumURLBytes = 1024

  /// A reference that has not the form of its type.
  package struct Fault: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  package static let tooLong = Fault(
    description: "workload reference is longer than \(maximumBytes) bytes, or its type than \(maximumURLBytes)")

  /// The types are known by their whole URLs, as the configuration lists them.
  package static func decode(typeURL: String, value: Data) throws(Fault) -> WorkloadReference {
    guard value.count <= maximumBytes, typeURL.utf8.count <= maximumURLBytes else { throw tooLong }
    do {
      switch typeURL {
      case pidURL:
        let pid = try Spiffe_Broker_WorkloadPIDReference(serializedBytes: value).pid
        guard pid > 0 else { throw Fault(description: "workload reference names no process: a PID is above zero") }
        return .pid(pid)
      case kubernetesURL:
        return .kubernetesObject(object(try Spiffe_Broker_KubernetesObjectReference(serializedBytes: value)))
      default:
        return .other(typeURL: typeURL, value: Array(value))
      }
    } catch let fault as Fault {
      throw fault
    } catch {
      throw Fault(description: "workload reference cannot be read as \(typeURL)")
    }
  }

  private static func object(_ message: Spiffe_Broker_KubernetesObjectReference) -> KubernetesObjectReference {
    KubernetesObjectReference(
      plural: message.type.plural, group: message.type.group, hasType: message.hasType,
      namespace: message.key.namespace, name: message.key.name, hasKey: message.hasKey, uid: message.uid)
  }
}
