import SPIFFE

/// What the two halves of the node attestor `sshpop` say to each other (server-plugins §4.2): JSON whose members have the
/// names of Go's fields.
package enum SSHPoPMessages {
  package static let pluginName = "sshpop"

  package struct Payload: Equatable, Sendable {
    /// In the wire form of SSH.
    package let certificate: [UInt8]

    package init(certificate: [UInt8]) { self.certificate = certificate }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      certificate = try MessageMembers(bytes).bytes("Certificate") ?? []
    }

    package var encoded: [UInt8] {
      JSONValue.object(["Certificate": .string(Base64.encode(certificate))]).encoded()
    }
  }

  package struct Challenge: Equatable, Sendable {
    package let nonce: [UInt8]

    package init(nonce: [UInt8]) { self.nonce = nonce }

    package init(_ bytes: [UInt8]) throws(NodeProofError) { nonce = try MessageMembers(bytes).bytes("Nonce") ?? [] }

    package var encoded: [UInt8] { JSONValue.object(["Nonce": .string(Base64.encode(nonce))]).encoded() }
  }

  package struct Response: Equatable, Sendable {
    package let nonce: [UInt8]
    package let signature: SSHSignature

    package init(nonce: [UInt8], signature: SSHSignature) {
      self.nonce = nonce
      self.signature = signature
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      nonce = try members.bytes("Nonce") ?? []
      guard let inner = try members.object("Signature") else { throw NodeProofError("the response has no signature") }
      signature = SSHSignature(format: try inner.string("Format"), blob: try inner.bytes("Blob") ?? [])
      // Only keys in hardware, which are no host keys, have something to say there.
      guard try (inner.bytes("Rest") ?? []).isEmpty else {
        throw NodeProofError("the signature has more than a format and a blob")
      }
    }

    package var encoded: [UInt8] {
      let inner: JSONValue = .object([
        "Format": .string(signature.format), "Blob": .string(Base64.encode(signature.blob)), "Rest": .null,
      ])
      return JSONValue.object(["Nonce": .string(Base64.encode(nonce)), "Signature": inner]).encoded()
    }
  }
}
