public import FoundationEssentials
public import X509

/// An X509-SVID that chained to an authority of its trust domain when it was verified.
///
/// Only ``X509SVIDVerifier`` makes one, so a function that takes it cannot be handed an unverified identity. It says
/// nothing about possession of the private key: that is the TLS handshake's part.
public struct VerifiedX509SVID: Sendable {
  public let id: SPIFFEID
  public let leaf: Certificate
  /// The validated path in DER: the leaf, intermediates, the authority.
  public let chain: [[UInt8]]

  init(id: SPIFFEID, leaf: Certificate, chain: [[UInt8]]) {
    self.id = id
    self.leaf = leaf
    self.chain = chain
  }

  /// The end of the leaf's validity. Connections outlive it: check it per call.
  public var expiresAt: Date { leaf.notValidAfter }

  /// The authority's certificate in DER, to compare with the tainted authorities of a bundle.
  public var authority: [UInt8] { chain.last ?? [] }
}
