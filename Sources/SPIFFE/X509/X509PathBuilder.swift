import FoundationEssentials
import X509

/// Finds and validates a path from a leaf to a trusted authority (RFC 5280 §6), synchronously and within a budget.
///
/// The search goes depth first from the leaf: authorities before intermediates, those whose key identifier matches
/// first. One value per call of ``X509SVIDVerifier``; it holds the budget and the most telling failure.
struct X509PathBuilder {
  /// Most certificates of a path, leaf and authority included.
  static let maximumLength = 10
  /// Most signatures that are checked for one leaf, however many candidates have the right name.
  static let maximumSignatureChecks = 32

  private let anchors: [X509Candidate]
  private let intermediates: [X509Candidate]
  private let time: Int64
  private let now: Date
  private var checksLeft = Self.maximumSignatureChecks
  private var failure: SPIFFEError?

  init(anchors: [X509Candidate], intermediates: [X509Candidate], at now: Date) {
    self.anchors = anchors
    self.intermediates = intermediates
    self.now = now
    // Certificates have whole seconds. A date beyond Int64 cannot be inside any validity.
    time = Int64(exactly: now.timeIntervalSince1970.rounded(.down)) ?? .max
  }

  /// The path from `leaf` to an authority, both included.
  ///
  /// - Throws: ``SPIFFEError`` with code `expired`, `invalidPath`, `chainTooLong` or `unknownAuthority`.
  mutating func path(from leaf: X509Candidate) throws(SPIFFEError) -> [X509Candidate] {
    try check(leaf)
    if let path = extend([leaf]) { return path }
    throw failure ?? SPIFFEError(.unknownAuthority, "x509: certificate signed by unknown authority")
  }

  /// All paths from `leaf` to authorities that the budget allows to find, at least one.
  ///
  /// - Throws: as ``path(from:)``.
  mutating func paths(from leaf: X509Candidate) throws(SPIFFEError) -> [[X509Candidate]] {
    try check(leaf)
    // Somebody may trust a single certificate; there is no signature to check then.
    var found: [[X509Candidate]] = anchors.contains { $0.der == leaf.der } ? [[leaf]] : []
    collect([leaf], &found)
    guard found.isEmpty else { return found }
    throw failure ?? SPIFFEError(.unknownAuthority, "x509: certificate signed by unknown authority")
  }

  private mutating func collect(_ path: [X509Candidate], _ found: inout [[X509Candidate]]) {
    guard let current = path.last, path.count < Self.maximumLength else {
      failure = failure ?? SPIFFEError(.chainTooLong, "x509: path is longer than \(Self.maximumLength) certificates")
      return
    }
    for anchor in issuers(of: current, among: anchors)
    where !isRepeated(anchor, in: path) && mayIssue(anchor, path: path) {
      found.append(path + [anchor])
    }
    for candidate in issuers(of: current, among: intermediates) {
      guard !isRepeated(candidate, in: path), mayIssue(candidate, path: path) else { continue }
      collect(path + [candidate], &found)
    }
  }

  private func isRepeated(_ candidate: X509Candidate, in path: [X509Candidate]) -> Bool {
    path.contains {
      $0.der == candidate.der
        || $0.subject == candidate.subject && $0.certificate.publicKey == candidate.certificate.publicKey
    }
  }

  private mutating func extend(_ path: [X509Candidate]) -> [X509Candidate]? {
    guard let current = path.last, path.count < Self.maximumLength else {
      failure = failure ?? SPIFFEError(.chainTooLong, "x509: path is longer than \(Self.maximumLength) certificates")
      return nil
    }
    for anchor in issuers(of: current, among: anchors) where mayIssue(anchor, path: path) {
      return path + [anchor]
    }
    for candidate in issuers(of: current, among: intermediates) {
      guard !isRepeated(candidate, in: path), mayIssue(candidate, path: path) else { continue }
      if let found = extend(path + [candidate]) { return found }
    }
    return nil
  }

  /// The candidates with the right name, those whose key identifier matches first. The identifier is only a hint.
  private func issuers(of certificate: X509Candidate, among candidates: [X509Candidate]) -> [X509Candidate] {
    let named = candidates.filter { $0.subject == certificate.issuer }
    guard let wanted = certificate.authorityKeyID, named.count > 1 else { return named }
    return named.filter { $0.subjectKeyID == wanted } + named.filter { $0.subjectKeyID != wanted }
  }

  /// Whether `issuer` signed the last certificate of `path` and was allowed to.
  private mutating func mayIssue(_ issuer: X509Candidate, path: [X509Candidate]) -> Bool {
    guard let current = path.last, checksLeft > 0 else { return false }
    checksLeft -= 1
    // SHA-1 signatures can be forged.
    guard current.certificate.signatureAlgorithm != .sha1WithRSAEncryption else {
      failure = failure ?? SPIFFEError(.invalidPath, "x509: cannot verify signature: insecure algorithm SHA1-RSA")
      return false
    }
    guard issuer.certificate.publicKey.isValidSignature(current.certificate.signature, for: current.certificate) else {
      return false
    }
    do {
      try check(issuer)
      try checkAuthority(issuer, path: path)
      return true
    } catch {
      failure = failure ?? error
      return false
    }
  }

  /// What holds for every certificate of a path.
  private func check(_ certificate: X509Candidate) throws(SPIFFEError) {
    func expired(_ relation: String, _ limit: Date) -> SPIFFEError {
      let times = "current time \(now.formatted(.iso8601)) is \(relation) \(limit.formatted(.iso8601))"
      return SPIFFEError(.expired, "x509: certificate has expired or is not yet valid: \(times)")
    }
    if time < certificate.notBefore { throw expired("before", certificate.certificate.notValidBefore) }
    if time > certificate.notAfter { throw expired("after", certificate.certificate.notValidAfter) }
    if let oid = certificate.unknownCriticalExtension {
      throw SPIFFEError(.invalidPath, "x509: unhandled critical extension \(oid)")
    }
  }

  /// What holds for a certificate that signs the last one of `path`.
  private func checkAuthority(_ issuer: X509Candidate, path: [X509Candidate]) throws(SPIFFEError) {
    guard issuer.isCA else {
      throw SPIFFEError(.invalidPath, "x509: certificate is not authorized to sign other certificates")
    }
    if let usage = issuer.keyUsage, !usage.keyCertSign {
      throw SPIFFEError(.invalidPath, "x509: issuer lacks the keyCertSign key usage")
    }
    if let limit = issuer.pathLength, path.dropFirst().count(where: { !$0.isSelfIssued }) > limit {
      throw SPIFFEError(.invalidPath, "x509: too many intermediates for path length constraint")
    }
    guard let constraints = issuer.nameConstraints else { return }
    let checker = NameConstraintChecker(constraints)
    for (index, certificate) in path.enumerated() where index == 0 || !certificate.isSelfIssued {
      if let violation = checker.violation(by: certificate) {
        throw SPIFFEError(
          .invalidPath, "x509: a root or intermediate certificate does not authorize a name: \(violation)")
      }
    }
  }
}
