import Crypto
import FoundationEssentials
package import SPIFFE

/// Stands for an agent where many are kept or sent: the first eight bytes of the SHA-256 of its SPIFFE ID, big end first.
package struct AgentMark: Hashable, Sendable {
  package let value: UInt64

  package init(_ agent: SPIFFEID) {
    value = SHA256.hash(data: Array(agent.description.utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  init(value: UInt64) { self.value = value }
}
