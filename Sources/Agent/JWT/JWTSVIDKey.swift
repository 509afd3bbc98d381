import Crypto
package import SPIFFE

/// What a JWT-SVID is kept under: identity and audiences, as a digest. Callers choose the audiences, and may choose long
/// ones.
package struct JWTSVIDKey: Hashable, Sendable {
  private let digest: [UInt8]

  package init(_ id: SPIFFEID, audience: [String]) {
    var hash = SHA256()
    hash.update(data: Array(id.description.utf8) + [0])
    for name in audience.sorted() { hash.update(data: Array(name.utf8) + [0]) }
    digest = Array(hash.finalize())
  }
}
