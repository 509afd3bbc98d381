/// The authorities of one trust domain (SPIFFE Trust Domain and Bundle §4).
///
/// A bundle is only ever used for SVIDs of its own trust domain; bundles of different trust domains are never merged.
public struct Bundle: Hashable, Sendable {
  public let trustDomain: TrustDomain
  public var x509Authorities: [X509Authority]
  public var jwtAuthorities: [JWTAuthority]
  public var witAuthorities: [JWTAuthority]
  /// How often to look for a newer bundle, in seconds; 0 if it is not said.
  public var refreshHint: Int64
  /// Grows with each change; 0 if it is not said.
  public var sequenceNumber: UInt64

  public init(
    trustDomain: TrustDomain, x509Authorities: [X509Authority] = [], jwtAuthorities: [JWTAuthority] = [],
    witAuthorities: [JWTAuthority] = [], refreshHint: Int64 = 0, sequenceNumber: UInt64 = 0
  ) {
    self.trustDomain = trustDomain
    self.x509Authorities = x509Authorities
    self.jwtAuthorities = jwtAuthorities
    self.witAuthorities = witAuthorities
    self.refreshHint = refreshHint
    self.sequenceNumber = sequenceNumber
  }

  /// The X.509 authorities one after the other, as the Workload API carries them.
  public var concatenatedX509DER: [UInt8] { x509Authorities.flatMap(\.der) }
}
