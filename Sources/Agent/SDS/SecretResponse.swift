package import EnvoyProtos
package import FoundationEssentials
import SwiftProtobuf

/// A response of any of the three methods.
package struct SecretResponse: Equatable, Sendable {
  package struct Resource: Equatable, Sendable {
    package let name: String
    /// Of the content; empty where only the whole response has one.
    package var version = ""
    package let bytes: Data
  }

  package var version = ""
  package var nonce = ""
  package let typeURL: String
  package let resources: [Resource]
  /// What the client had or asked for and is not entitled to.
  package var removed: [String] = []

  package var message: Envoy_Service_Discovery_V3_DiscoveryResponse {
    var message = Envoy_Service_Discovery_V3_DiscoveryResponse()
    message.versionInfo = version
    message.nonce = nonce
    message.typeURL = typeURL
    message.resources = resources.map { resource in
      .with {
        $0.typeURL = Secret.typeURL
        $0.value = resource.bytes
      }
    }
    return message
  }

  package var deltaMessage: Envoy_Service_Discovery_V3_DeltaDiscoveryResponse {
    var message = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse()
    message.systemVersionInfo = version
    message.nonce = nonce
    message.typeURL = typeURL
    message.removedResources = removed
    message.resources = resources.map { resource in
      .with {
        $0.name = resource.name
        $0.version = resource.version
        $0.resource.typeURL = Secret.typeURL
        $0.resource.value = resource.bytes
      }
    }
    return message
  }
}
