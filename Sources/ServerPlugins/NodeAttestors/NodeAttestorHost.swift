package import FoundationEssentials
package import SPIFFE

/// What node attestors may ask the server for (server-plugins §1.1). The composition root gives it.
package protocol NodeAttestorHost: Sendable {
  var trustDomain: TrustDomain { get }
  /// The time of the server's clock.
  var now: Date { get }
  /// The bundle of the server's own trust domain.
  func ownBundle() async throws -> Bundle
  /// Whether an agent of this ID has attested before and was not deleted since.
  func isKnown(_ agent: SPIFFEID) async throws -> Bool
}

extension NodeAttestorHost {
  /// An agent ID from the path that a template or an attestor made.
  ///
  /// - Parameter path: what follows `/spire/agent`: absolute, without empty, `.` and `..` segments.
  func agentID(_ path: String) throws(ServerPluginError) -> SPIFFEID {
    do {
      guard path.hasPrefix("/") else { throw SPIFFEIDPathFault(description: "path must have a leading slash") }
      return try SPIFFEID(trustDomain: trustDomain, path: "/spire/agent" + path)
    } catch {
      throw ServerPluginError(
        .internal, "failed to make spiffe id: invalid agent path suffix \"\(path.prefix(256))\": \(error)", cause: error
      )
    }
  }

  /// Trust on first use: what attested once does not attest again.
  func assessFirstUse(of agent: SPIFFEID) async throws(ServerPluginError) {
    let isKnown: Bool
    do { isKnown = try await self.isKnown(agent) } catch {
      throw ServerPluginError(.internal, "unable to get agent info: \(error)", cause: error)
    }
    guard !isKnown else { throw .usedBefore }
  }
}

extension ServerPluginError {
  /// What was trusted on its first use is used again.
  package static var usedBefore: ServerPluginError {
    ServerPluginError(.permissionDenied, "attestation data has already been used to attest an agent")
  }
}

private struct SPIFFEIDPathFault: Error, CustomStringConvertible { let description: String }
