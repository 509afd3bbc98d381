package import SPIFFE

/// What a successful attestation brings.
package struct AttestationResult: Sendable {
  /// DER, leaf first.
  package let chain: [[UInt8]]
  package let reattestable: Bool
  package let bundle: Bundle

  package init(chain: [[UInt8]], reattestable: Bool, bundle: Bundle) {
    self.chain = chain
    self.reattestable = reattestable
    self.bundle = bundle
  }
}
