import SPIFFE

/// What the two halves of the node attestor `http_challenge` say to each other, and where the answer is found
/// (server-plugins §4.3).
package enum HTTPChallengeMessages {
  package static let pluginName = "http_challenge"
  /// The longest name of an agent.
  package static let maximumNameLength = 32
  /// What an agent says to a challenge; the server looks at its web server instead.
  package static let response: [UInt8] = [0x0A]

  /// Where the agent called `name` shows the number that it was given.
  package static func path(agent name: String) -> String {
    "/.well-known/spiffe/nodeattestor/http_challenge/\(name)/challenge"
  }

  /// Whether `name` is one that an agent may have: a letter, then letters, digits and hyphens.
  package static func isAgentName(_ name: String) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
    guard let first = name.utf8.first, name.utf8.count <= maximumNameLength, isLetter(first) else { return false }
    return name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
  }

  package struct Payload: Equatable, Sendable {
    package let hostname: String
    package let agentName: String
    package let port: Int

    package init(hostname: String, agentName: String, port: Int) {
      self.hostname = hostname
      self.agentName = agentName
      self.port = port
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      hostname = try members.string("hostname")
      agentName = try members.string("agentname")
      port = try members.integer("port")
    }

    package var encoded: [UInt8] {
      JSONValue.object([
        "hostname": .string(hostname), "agentname": .string(agentName), "port": .int(Int64(port)),
      ]).encoded()
    }
  }

  package struct Challenge: Equatable, Sendable {
    package let nonce: String

    package init(nonce: String) { self.nonce = nonce }

    package init(_ bytes: [UInt8]) throws(NodeProofError) { nonce = try MessageMembers(bytes).string("nonce") }

    /// A new one: base64url with its padding.
    package static func random() -> Challenge {
      Challenge(nonce: Base64.encodeURL(ProofNonces.random()) + "=")
    }

    package var encoded: [UInt8] { JSONValue.object(["nonce": .string(nonce)]).encoded() }
  }
}
