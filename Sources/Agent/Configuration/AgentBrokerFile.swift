import HCL

/// `agent.experimental.broker` as written: who may ask for identities on behalf of other processes.
package struct AgentBrokerFile: Sendable {
  /// One of `brokers`.
  package struct Broker: Sendable {
    /// `id`: the broker's SPIFFE ID.
    package var id: String?
    /// `allowed_reference_types`: how it may refer to processes.
    package var allowedReferenceTypes: [ReferenceType] = []
  }

  /// One of `allowed_reference_types`.
  package struct ReferenceType: Sendable {
    /// `type_url`: the protobuf type, or `*`.
    package var typeURL: String?
    /// `allow_over_tcp`: also on the TCP listener.
    package var allowOverTCP: Bool?
  }

  /// `socket_path`
  package var socketPath: String?
  /// `bind_address`: host and port.
  package var bindAddress: String?
  /// `brokers`
  package var brokers: [Broker] = []

  init(_ section: inout HCLSection) {
    socketPath = section.string("socket_path")
    bindAddress = section.string("bind_address")
    for (index, element) in section.sections("brokers").enumerated() {
      let name = "experimental.broker.brokers[\(index)]"
      var element = element
      var broker = Broker(id: element.string("id"))
      for (index, type) in element.sections("allowed_reference_types").enumerated() {
        var type = type
        broker.allowedReferenceTypes.append(
          ReferenceType(typeURL: type.string("type_url"), allowOverTCP: type.bool("allow_over_tcp")))
        type.reportUnknownKeys(as: "\(name).allowed_reference_types[\(index)]")
      }
      element.reportUnknownKeys(as: name)
      brokers.append(broker)
    }
  }
}
