/// The JSON form of a bundle (SPIFFE Trust Domain and Bundle §4): a JWK Set with `spiffe_sequence` and
/// `spiffe_refresh_hint`.
public enum BundleDocument {
  /// How much of what the format does not allow is forgiven when a document is read.
  public enum Reading: Hashable, Sendable {
    /// One bad entry refuses the document, `keys` may be missing and the sequence number is not read: what SPIRE does.
    case strict
    /// Entries of unknown use, type or curve, and x509-svid entries without certificate, are skipped, only the first
    /// certificate of an entry counts, `keys` must be there and the sequence number is read: what the standard says
    /// (Bundle §4.2, X509-SVID §6.2).
    case standard
  }

  static let x509Use = "x509-svid"
  static let jwtUse = "jwt-svid"
  static let witUse = "wit-svid"

  /// The largest document that ``decode(_:trustDomain:reading:)`` reads, in bytes.
  public static let maximumSize = 4 << 20

  /// The bundle as a document, indented by four spaces, without a final newline. Taint is not part of it.
  ///
  /// - Parameters:
  ///   - includesWITAuthorities: whether the WIT keys are written. SPIRE never does, and refuses to read them.
  ///   - refreshHint: seconds to write instead of the bundle's own hint. A hint of 0 is left out, and so is a
  ///     sequence number of 0.
  ///   - sequenceNumber: the number to write instead of the bundle's own.
  /// - Throws: ``SPIFFEError`` if an authority holds a certificate or key that this library cannot read.
  public static func encode(
    _ bundle: Bundle, refreshHint: Int64? = nil, sequenceNumber: UInt64? = nil, includesWITAuthorities: Bool = false
  ) throws(SPIFFEError) -> String {
    var keys: [JSONValue] = []
    for authority in bundle.x509Authorities {
      let key = try X509Certificates.publicKey(of: X509Certificates.parse(der: authority.der))
      keys.append(.object(JSONWebKey(key: key, use: x509Use, certificates: [authority.der]).json))
    }
    for authority in bundle.jwtAuthorities { keys.append(try jwk(authority, use: jwtUse)) }
    if includesWITAuthorities {
      for authority in bundle.witAuthorities { keys.append(try jwk(authority, use: witUse)) }
    }
    var document: JSONObject = ["keys": .array(keys)]
    let sequence = sequenceNumber ?? bundle.sequenceNumber
    if sequence != 0 {
      // JSON numbers above Int64 do not occur: the sequence counts changes.
      document["spiffe_sequence"] = Int64(exactly: sequence).map { .int($0) } ?? .double(Double(sequence))
    }
    let hint = refreshHint ?? bundle.refreshHint
    if hint != 0 { document["spiffe_refresh_hint"] = .int(hint) }
    return JSONValue.object(document).text(.indented)
  }

  /// The JWT authorities as a plain JWK Set, as the Workload API hands it out: no `use`, indented by four spaces.
  ///
  /// - Throws: ``SPIFFEError`` if an authority holds a key that this library cannot read.
  public static func encodeJWKS(jwtAuthorities: [JWTAuthority]) throws(SPIFFEError) -> String {
    try encodeJWKS(jwtAuthorities, use: nil)
  }

  /// The WIT authorities as a JWK Set, as the Workload API hands it out: each key with the `use` `wit-svid` (WIT-SVID
  /// §6.1), indented by four spaces.
  ///
  /// - Throws: ``SPIFFEError`` if an authority holds a key that this library cannot read.
  public static func encodeJWKS(witAuthorities: [JWTAuthority]) throws(SPIFFEError) -> String {
    try encodeJWKS(witAuthorities, use: witUse)
  }

  private static func encodeJWKS(_ authorities: [JWTAuthority], use: String?) throws(SPIFFEError) -> String {
    var keys: [JSONValue] = []
    for authority in authorities { keys.append(try jwk(authority, use: use)) }
    return JSONValue.object(["keys": .array(keys)]).text(.indented)
  }

  private static func jwk(_ authority: JWTAuthority, use: String?) throws(SPIFFEError) -> JSONValue {
    .object(JSONWebKey(key: try PublicKey(pkix: authority.publicKey), use: use, keyID: authority.keyID).json)
  }
}
