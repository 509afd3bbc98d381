import SPIFFE
import SPIREProtos

/// How IDs come in over the API, and what kind of member of the trust domain each method takes.
enum APIIdentity {
  /// The ID of a message.
  static func parse(_ id: Spire_Api_Types_SPIFFEID?) throws(ConversionError) -> SPIFFEID {
    guard let id else { throw ConversionError("request must specify SPIFFE ID") }
    do {
      return try SPIFFEID(trustDomain: TrustDomain(id.trustDomain), path: id.path)
    } catch {
      throw ConversionError(error.description)
    }
  }

  /// A member of the trust domain with a path.
  static func member(_ id: Spire_Api_Types_SPIFFEID?, of domain: TrustDomain) throws(ConversionError) -> SPIFFEID {
    let id = try parse(id)
    try requireMember(id, of: domain)
    return id
  }

  /// An agent of the trust domain.
  static func agent(_ id: Spire_Api_Types_SPIFFEID?, of domain: TrustDomain) throws(ConversionError) -> SPIFFEID {
    let id = try member(id, of: domain)
    guard id.path.hasPrefix("/spire/agent/") else {
      throw ConversionError(
        "\"\(id)\" is not an agent in trust domain \"\(domain)\"; path is not in the agent namespace")
    }
    return id
  }

  /// A workload of the trust domain: any member outside of the reserved paths.
  static func workload(_ id: Spire_Api_Types_SPIFFEID?, of domain: TrustDomain) throws(ConversionError) -> SPIFFEID {
    let id = try parse(id)
    try requireWorkload(id, of: domain)
    return id
  }

  static func requireWorkload(_ id: SPIFFEID, of domain: TrustDomain) throws(ConversionError) {
    guard id.isMember(of: domain) else { throw notAMember(id, domain) }
    guard !id.path.isEmpty else {
      throw ConversionError("\"\(id)\" is not a workload in trust domain \"\(domain)\"; path is empty")
    }
    guard id.path != "/spire", !id.path.hasPrefix("/spire/") else {
      throw ConversionError(
        "\"\(id)\" is not a workload in trust domain \"\(domain)\"; path is in the reserved namespace")
    }
  }

  private static func requireMember(_ id: SPIFFEID, of domain: TrustDomain) throws(ConversionError) {
    guard id.isMember(of: domain) else { throw notAMember(id, domain) }
    guard !id.path.isEmpty else {
      throw ConversionError("\"\(id)\" is not a member of trust domain \"\(domain)\"; path is empty")
    }
  }

  private static func notAMember(_ id: SPIFFEID, _ domain: TrustDomain) -> ConversionError {
    ConversionError("\"\(id)\" is not a member of trust domain \"\(domain)\"")
  }
}

extension SPIFFEID {
  /// The ID as the API's message.
  var api: Spire_Api_Types_SPIFFEID {
    var message = Spire_Api_Types_SPIFFEID()
    message.trustDomain = trustDomain.name
    message.path = path
    return message
  }

  /// The fixed ID of the servers of a trust domain, `spiffe://example.org/spire/server`.
  static func server(of domain: TrustDomain) -> SPIFFEID {
    // The path is a constant that is valid.
    (try? SPIFFEID(trustDomain: domain, path: "/spire/server")) ?? domain.id
  }
}
