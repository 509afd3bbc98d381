package import EnvoyProtos
import FoundationEssentials

/// A request of an Envoy, of any of the three methods, as ``SecretStream`` takes it: bounded, and free of wire types.
package struct SecretRequest: Equatable, Sendable {
  /// Which resources it is about.
  package enum Names: Equatable, Sendable {
    /// The whole list; an empty one means everything (StreamSecrets, FetchSecrets).
    case all([String])
    /// What is added to and taken from the list, and the versions that the client has from an earlier stream
    /// (DeltaSecrets).
    case changes(subscribe: [String], unsubscribe: [String], known: [String: String])
  }

  package let names: Names
  /// Nil where the request does not say, and what an earlier one said holds.
  package let node: EnvoyNode?
  package let typeURL: String
  /// Of the response that it is about.
  package let nonce: String
  package let version: String
  /// Why the client could not use the response.
  package let failure: String?

  /// How many names a stream may ask for.
  package static let mostNames = 1000
  /// The longest name, in bytes: that of a SPIFFE ID.
  package static let longestName = 2048
  private static let longestTypeURL = 256
  /// Of the client's error text as it is logged.
  private static let longestFailure = 4096
  /// Of nonces and versions: ours are shorter.
  private static let longestWord = 64

  package init(
    names: Names, node: EnvoyNode? = nil, typeURL: String = "", nonce: String = "", version: String = "",
    failure: String? = nil
  ) {
    self.names = names
    self.node = node
    self.typeURL = typeURL
    self.nonce = nonce
    self.version = version
    self.failure = failure
  }

  package init(_ message: Envoy_Service_Discovery_V3_DiscoveryRequest) throws(AgentError) {
    try Self.check(message.resourceNames)
    try self.init(
      names: .all(message.resourceNames), node: message.hasNode ? message.node : nil, message.typeURL,
      message.responseNonce, message.versionInfo, message.hasErrorDetail ? message.errorDetail : nil)
  }

  package init(_ message: Envoy_Service_Discovery_V3_DeltaDiscoveryRequest) throws(AgentError) {
    try Self.check(message.resourceNamesSubscribe)
    try Self.check(message.resourceNamesUnsubscribe)
    try Self.check(Array(message.initialResourceVersions.keys))
    try self.init(
      names: .changes(
        subscribe: message.resourceNamesSubscribe, unsubscribe: message.resourceNamesUnsubscribe,
        known: message.initialResourceVersions.mapValues { Self.cut($0, to: Self.longestWord) }),
      node: message.hasNode ? message.node : nil, message.typeURL, message.responseNonce, "",
      message.hasErrorDetail ? message.errorDetail : nil)
  }

  private init(
    names: Names, node: Envoy_Config_Core_V3_Node?, _ typeURL: String, _ nonce: String, _ version: String,
    _ failure: Google_Rpc_Status?
  ) throws(AgentError) {
    guard typeURL.utf8.count <= Self.longestTypeURL else {
      throw AgentError(.invalidArgument, "type_url has more than \(Self.longestTypeURL) bytes")
    }
    self.init(
      names: names, node: node.map(EnvoyNode.init), typeURL: typeURL, nonce: Self.cut(nonce, to: Self.longestWord),
      version: Self.cut(version, to: Self.longestWord),
      failure: failure.map { Self.cut($0.message, to: Self.longestFailure) })
  }

  private static func check(_ names: [String]) throws(AgentError) {
    guard names.count <= mostNames else { throw tooMany(names.count) }
    guard names.allSatisfy({ $0.utf8.count <= longestName }) else {
      throw AgentError(.invalidArgument, "a resource name has more than \(longestName) bytes")
    }
  }

  static func tooMany(_ count: Int) -> AgentError {
    AgentError(
      .invalidArgument,
      "\(count) resource names are more than the \(mostNames) that a stream may ask for; ask on several streams")
  }

  /// The first `limit` bytes.
  static func cut(_ text: String, to limit: Int) -> String {
    text.utf8.count > limit ? String(decoding: text.utf8.prefix(limit), as: UTF8.self) : text
  }
}
