package import GRPCCore

/// What a method is called in logs and metrics (server-behaviour §10.2, agent-behaviour §18).
package struct MethodNames: Sendable, Hashable {
  /// `/spire.api.server.svid.v1.SVID/MintX509SVID`.
  package let full: String
  /// The log field `service`: `svid.v1.SVID`, `WorkloadAPI`, `Health`.
  package let service: String
  /// The log field `method`: `MintX509SVID`.
  package let method: String
  /// The words of the metric without its first one: `svid`, `v1`, `svid`, `mint_x509svid`.
  package let words: [String]
  /// The key under which calls are counted: `rpc`, then ``words``.
  let callKey: [String]
  /// The key under which calls that have to wait for their rate limit are counted.
  let rateLimitKey: [String]

  package init(_ descriptor: MethodDescriptor, words: [String]? = nil) {
    let service = descriptor.service.fullyQualifiedService
    full = "/\(service)/\(descriptor.method)"
    self.service = Self.short(service)
    method = descriptor.method
    let words =
      words ?? (self.service.split(separator: ".").map { Self.word($0) } + [Self.word(descriptor.method[...])])
    self.words = words
    callKey = ["rpc"] + words
    rateLimitKey = ["rateLimit"] + words
  }

  private static let known: [String: String] = [
    "SpiffeWorkloadAPI": "WorkloadAPI",
    "envoy.service.secret.v3.SecretDiscoveryService": "SDS.v3",
    "grpc.health.v1.Health": "Health",
    "grpc.reflection.v1.ServerReflection": "ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection": "ServerReflection",
    "spire.api.server.logger.v1.Logger": "Logger",
    "spire.api.agent.logger.v1.Logger": "Logger",
    "spire.agent.debug.v1.Debug": "Debug",
    "spire.api.agent.delegatedidentity.v1.DelegatedIdentity": "DelegatedIdentity",
  ]

  private static func short(_ service: String) -> String {
    if let name = known[service] { return name }
    let prefix = "spire.api.server."
    return service.hasPrefix(prefix) ? String(service.dropFirst(prefix.count)) : service
  }

  /// `BatchNewX509SVID` → `batch_new_x509svid`: an underscore before an upper-case letter that is neither first nor
  /// last and has a lower-case neighbour.
  static func word(_ name: Substring) -> String {
    let letters = Array(name.utf8)
    func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    var result: [UInt8] = []
    for (index, byte) in letters.enumerated() {
      guard isUpper(byte) else {
        result.append(byte)
        continue
      }
      let inside = index > 0 && index < letters.count - 1
      if inside, isLower(letters[index - 1]) || isLower(letters[index + 1]), result.last != UInt8(ascii: "_") {
        result.append(UInt8(ascii: "_"))
      }
      result.append(byte + 32)
    }
    return String(decoding: result, as: UTF8.self)
  }
}
