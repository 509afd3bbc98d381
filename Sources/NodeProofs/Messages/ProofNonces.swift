/// The two random numbers of a proof of possession, one of each side (agent-plugins §1). A value that exists has both in
/// their one length.
package struct ProofNonces: Sendable {
  /// In bytes.
  package static let size = 32

  /// The server's, then the agent's.
  package let joined: [UInt8]

  /// - Parameter suffix: what follows upstream's words: nothing (x509pop), ` size` (sshpop).
  package init(challenge: [UInt8], response: [UInt8], suffix: String = "") throws(NodeProofError) {
    guard challenge.count == Self.size else { throw NodeProofError("invalid challenge nonce" + suffix) }
    guard response.count == Self.size else { throw NodeProofError("invalid response nonce" + suffix) }
    joined = challenge + response
  }

  /// A new number of `count` bytes.
  package static func random(_ count: Int = size) -> [UInt8] {
    var source = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &source) }
  }
}
