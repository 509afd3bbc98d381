import Daemon
package import FoundationEssentials
import Keys
package import SPIFFE

/// A CA of a company's PKI, given as PEM: signs the CA certificates of servers below it (server-plugins §3, `disk`).
///
/// Made anew whenever its files change; a value. Everything that can be wrong with the files is found when it is made.
package struct UpstreamIssuer: Sendable {
  /// The lifetime of a certificate for which nothing is wished.
  private static let defaultTTL: Int64 = 3600

  /// The roots that what is signed leads to.
  package let roots: [X509Authority]
  private let ca: X509CA
  /// What follows a new certificate in its chain.
  private let intermediates: [[UInt8]]
  private let trustDomain: TrustDomain
  private let random: any RandomSource

  /// - Parameters:
  ///   - certificates: the CA's certificate, then those up to its root. DER.
  ///   - privateKey: PKCS #8, PKCS #1 or SEC 1. DER.
  ///   - bundle: the roots; nil where the CA is its own root.
  /// - Throws: ``AuthorityError`` that says which of the three does not fit.
  package init(
    certificates: [[UInt8]], privateKey: [UInt8], bundle: [[UInt8]]?, trustDomain: TrustDomain, now: Date
  ) throws(AuthorityError) {
    try self.init(
      certificates: certificates, privateKey: privateKey, bundle: bundle, trustDomain: trustDomain, now: now,
      random: SystemRandom())
  }

  init(
    certificates: [[UInt8]], privateKey: [UInt8], bundle: [[UInt8]]?, trustDomain: TrustDomain, now: Date,
    random: any RandomSource
  ) throws(AuthorityError) {
    guard let certificate = certificates.first else {
      throw AuthorityError(.invalidArgument, "no certificate found")
    }
    let key: SoftwareKey
    do { key = try SoftwareKey(signingKey: privateKey, id: "upstream") } catch {
      throw AuthorityError(.invalidArgument, "unable to read the private key: \(error)", cause: error)
    }
    do {
      ca = try X509CA(certificate: certificate, upstreamChain: certificates, key: key, issuedAt: now)
    } catch  where error.code == .failedPrecondition {
      throw AuthorityError(.invalidArgument, "certificate and private key do not match", cause: error)
    }
    if let bundle {
      guard !bundle.isEmpty else { throw AuthorityError(.invalidArgument, "the bundle has no certificate") }
      intermediates = certificates
      roots = bundle.map { X509Authority(der: $0) }
    } else {
      guard certificates.count == 1, ca.upstreamAuthorityID.isEmpty || ca.upstreamAuthorityID == ca.authorityID else {
        throw AuthorityError(
          .invalidArgument, "with no bundle_file_path configured only self-signed CAs are supported")
      }
      intermediates = []
      roots = [X509Authority(der: certificate)]
    }
    self.trustDomain = trustDomain
    self.random = random
    do {
      try X509Certificates.verifyAuthority(chain: certificates, roots: roots.map(\.der), at: now)
    } catch {
      throw AuthorityError(
        .invalidArgument, "certificate cannot be validated with the provided bundle: \(error)", cause: error)
    }
  }

  /// When the CA's certificate expires. Unix seconds.
  package var notAfter: Int64 { ca.notAfter }

  /// Signs the CA certificate of the server that made `csr`.
  ///
  /// - Throws: ``AuthorityError``: invalidArgument for a request that is not one of a CA of this trust domain.
  package nonisolated(nonsending) func mintX509CA(
    csr: [UInt8], ttl: Duration, now: Date
  ) async throws(AuthorityError) -> MintedX509CA {
    let request = try CSR(der: csr)
    try request.verifySignature()
    guard request.uris == [trustDomain.idString] else {
      throw AuthorityError(
        .invalidArgument,
        "certificate request must have the URI \"\(trustDomain.idString)\" and no other, found \(request.uris)")
    }
    let seconds = TemplateBuilder.seconds(now)
    let wished = ttl > .zero ? Int64(ttl.seconds) : Self.defaultTTL
    var template = X509Template(
      purpose: .authority(trustDomain), serialNumber: random.serialNumber(), subject: request.subject,
      publicKey: request.publicKey, notBefore: seconds - TemplateBuilder.backdate,
      notAfter: min(seconds + wished, ca.notAfter))
    template.rawSubject = request.rawSubject
    template.extraExtensions = request.extensions.compactMap {
      // The names are checked above and written from the template.
      $0.type == .subjectAlternativeName
        ? nil : X509Extension(type: $0.type, isCritical: $0.isCritical, value: $0.value)
    }
    let validated = try ValidatedTemplate(template, at: seconds)
    let signed = try await X509Signer(issuer: ca.issuer).sign(validated)
    return MintedX509CA(chain: [signed.der] + intermediates, roots: roots)
  }
}
