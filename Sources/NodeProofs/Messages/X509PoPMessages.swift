import SPIFFE

/// What the two halves of the node attestor `x509pop` say to each other (server-plugins §4.1): JSON with every member in
/// upstream's order, null where there is nothing.
package enum X509PoPMessages {
  package static let pluginName = "x509pop"

  /// Who the agent claims to be.
  package struct Payload: Equatable, Sendable {
    /// More are not read, whatever the server allows.
    static let maximumCertificates = 64

    /// DER, the node's own first.
    package let certificates: [[UInt8]]

    package init(certificates: [[UInt8]]) { self.certificates = certificates }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      certificates = try MessageMembers(bytes).byteLists("certificates", atMost: Self.maximumCertificates)
    }

    package var encoded: [UInt8] {
      let list = certificates.map { JSONValue.string(Base64.encode($0)) }
      return JSONValue.object(["certificates": .array(list)]).encoded()
    }
  }

  /// The number that is to be signed: under the name of the key's kind.
  package struct Challenge: Equatable, Sendable {
    package let rsa: [UInt8]?
    package let ecdsa: [UInt8]?

    package init(rsa: [UInt8]? = nil, ecdsa: [UInt8]? = nil) {
      self.rsa = rsa
      self.ecdsa = ecdsa
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      rsa = try members.object("rsa_signature").map { (inner) throws(NodeProofError) in try inner.bytes("nonce") ?? [] }
      ecdsa = try members.object("ecdsa_signature")
        .map { (inner) throws(NodeProofError) in try inner.bytes("nonce") ?? [] }
    }

    package var encoded: [UInt8] {
      func member(_ nonce: [UInt8]?) -> JSONValue {
        nonce.map { .object(["nonce": .string(Base64.encode($0))]) } ?? .null
      }
      return JSONValue.object(["rsa_signature": member(rsa), "ecdsa_signature": member(ecdsa)]).encoded()
    }
  }

  /// A signature of an RSA key (PSS).
  package struct RSAProof: Equatable, Sendable {
    package let nonce: [UInt8]
    package let signature: [UInt8]

    package init(nonce: [UInt8], signature: [UInt8]) {
      self.nonce = nonce
      self.signature = signature
    }
  }

  /// A signature of an EC key; both numbers big endian, without leading zeros.
  package struct ECDSAProof: Equatable, Sendable {
    package let nonce: [UInt8]
    package let r: [UInt8]
    package let s: [UInt8]

    package init(nonce: [UInt8], r: [UInt8], s: [UInt8]) {
      self.nonce = nonce
      self.r = r
      self.s = s
    }
  }

  package struct Response: Equatable, Sendable {
    package let rsa: RSAProof?
    package let ecdsa: ECDSAProof?

    package init(rsa: RSAProof? = nil, ecdsa: ECDSAProof? = nil) {
      self.rsa = rsa
      self.ecdsa = ecdsa
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      rsa = try members.object("rsa_signature").map { (inner) throws(NodeProofError) in
        RSAProof(nonce: try inner.bytes("nonce") ?? [], signature: try inner.bytes("signature") ?? [])
      }
      ecdsa = try members.object("ecdsa_signature").map { (inner) throws(NodeProofError) in
        ECDSAProof(
          nonce: try inner.bytes("nonce") ?? [], r: try inner.bytes("r") ?? [], s: try inner.bytes("s") ?? [])
      }
    }

    package var encoded: [UInt8] {
      func text(_ bytes: [UInt8]) -> JSONValue { .string(Base64.encode(bytes)) }
      let rsaMember: JSONValue =
        rsa.map { .object(["nonce": text($0.nonce), "signature": text($0.signature)]) } ?? .null
      let ecdsaMember: JSONValue =
        ecdsa.map { .object(["nonce": text($0.nonce), "r": text($0.r), "s": text($0.s)]) } ?? .null
      return JSONValue.object(["rsa_signature": rsaMember, "ecdsa_signature": ecdsaMember]).encoded()
    }
  }
}
