package import Daemon
package import SPIFFE

/// `experimental.broker`, checked: where the broker API is served, who may call it and how each may name workloads. A
/// value.
package struct BrokerSettings: Hashable, Sendable {
  /// The kinds of references that one broker may use, by their type URLs.
  package struct ReferenceTypes: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
      case allowed
      case notAllowed
      /// Allowed on the Unix socket alone.
      case notOverTCP
    }

    /// Whether each may also be used over TCP.
    private let overTCP: [String: Bool]

    /// `*`, which stands alone, is any type.
    package init(overTCP: [String: Bool]) { self.overTCP = overTCP }

    package func verdict(on typeURL: String, isTCP: Bool) -> Verdict {
      guard let isOverTCP = overTCP["*"] ?? overTCP[typeURL] else { return .notAllowed }
      return isTCP && !isOverTCP ? .notOverTCP : .allowed
    }
  }

  /// From the root; nil for none.
  package let socketPath: String?
  package let listenAddress: ListenAddress?
  /// Never empty.
  package let brokers: [SPIFFEID: ReferenceTypes]

  package init(socketPath: String?, listenAddress: ListenAddress?, brokers: [SPIFFEID: ReferenceTypes]) {
    self.socketPath = socketPath
    self.listenAddress = listenAddress
    self.brokers = brokers
  }
}
