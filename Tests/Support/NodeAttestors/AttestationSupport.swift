package import Foundation
package import SPIFFE
package import ServerPlugins
package import Synchronization

/// A server as node attestors see it, and an agent that answers as a closure says.
package final class TestHost: NodeAttestorHost {
  package let trustDomain: TrustDomain
  package let now: Date
  package let bundle: Mutex<[[UInt8]]>
  package let known: Mutex<Set<String>> = .init([])

  package init(now: Date = Date(), bundle: [[UInt8]] = []) throws {
    trustDomain = try TrustDomain("example.org")
    self.now = now
    self.bundle = Mutex(bundle)
  }

  package func ownBundle() async throws -> SPIFFE.Bundle {
    SPIFFE.Bundle(trustDomain: trustDomain, x509Authorities: bundle.withLock { $0 }.map { X509Authority(der: $0) })
  }

  package func isKnown(_ agent: SPIFFEID) async throws -> Bool { known.withLock { $0.contains(agent.description) } }
}

package struct TestAgentSide: NodeChallenger {
  package var address: String? = "127.0.0.1"
  let answer: @Sendable ([UInt8]) async throws -> [UInt8]

  package init(address: String? = "127.0.0.1", _ answer: @escaping @Sendable ([UInt8]) async throws -> [UInt8]) {
    self.address = address
    self.answer = answer
  }

  package func respond(to challenge: [UInt8]) async throws -> [UInt8] { try await answer(challenge) }
}

/// What an attestation came to, to compare.
package struct Attested: Equatable {
  package let id: String
  package let selectors: [String]
  package let canReattest: Bool

  package init(_ node: any VerifiedNode) {
    id = node.agentID.description
    selectors = node.selectorValues
    canReattest = node.canReattest
  }

  package init(_ path: String, _ selectors: [String] = [], canReattest: Bool = true) {
    id = "spiffe://example.org/spire/agent" + path
    self.selectors = selectors
    self.canReattest = canReattest
  }
}

/// Code and text of what `body` throws.
package func refusal(_ body: () async throws -> some Any) async throws -> String {
  do {
    _ = try await body()
    return "no error"
  } catch let error as ServerPluginError {
    return "\(error.code.rawValue): \(error.message)"
  }
}
