/// The digests that X.509 and CSR signatures may use. SHA-1 is not one of them.
public enum DigestAlgorithm: Hashable, Sendable, CaseIterable {
  case sha256
  case sha384
  case sha512
}
