package import Daemon
package import RPC

/// The buckets of server-behaviour §7.4, one per limit and shared by the methods that name it. Built once.
package struct RateLimits: Sendable {
  /// AttestAgent; nil when `ratelimit.attestation` is off.
  package let attest: RateLimiter?
  /// BatchNewX509SVID, NewDownstreamX509CA and RenewAgent; nil when `ratelimit.signing` is off.
  package let csr: RateLimiter?
  package let jwt: RateLimiter?
  package let wit: RateLimiter?
  /// PublishJWTAuthority and PublishWITAuthority.
  package let pushKey: RateLimiter
  package let postStatus: RateLimiter
  /// The methods that explain: they look at much.
  package let explain: RateLimiter

  package init(attestation: Bool = true, signing: Bool = true, time: any TimeSource) {
    attest = attestation ? RateLimiter(perSecond: 1, time: time) : nil
    csr = signing ? RateLimiter(perSecond: 500, time: time) : nil
    jwt = signing ? RateLimiter(perSecond: 500, time: time) : nil
    wit = signing ? RateLimiter(perSecond: 500, time: time) : nil
    pushKey = RateLimiter(perSecond: 500, time: time)
    postStatus = RateLimiter(perSecond: 10, time: time)
    explain = RateLimiter(perSecond: 10, time: time)
  }
}
