import GoSyntax

extension BundleDocument {
  /// Reads a bundle document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 JSON, at most ``maximumSize`` bytes.
  ///   - trustDomain: the trust domain that the document was obtained for; the document does not name it.
  ///   - reading: which rule applies to entries that break the format.
  ///   - ignoring: called for each entry that is left out, with its number and why.
  /// - Throws: ``SPIFFEError`` with code `invalidBundle`, or the error of the JSON, key or certificate that is bad.
  public static func decode(
    _ bytes: [UInt8], trustDomain: TrustDomain, reading: Reading = .strict, ignoring: (String) -> Void = { _ in }
  ) throws(SPIFFEError) -> Bundle {
    let limits = JSONLimits(maximumBytes: maximumSize, maximumDepth: 16, rejectsDuplicates: true)
    guard let document = try JSONValue(parsing: bytes, limits: limits).object else {
      throw SPIFFEError(.invalidBundle, "bundle document is not a JSON object")
    }
    var contents = Contents(bundle: Bundle(trustDomain: trustDomain))
    contents.bundle.refreshHint = try number("spiffe_refresh_hint", of: document)
    let sequence = try number("spiffe_sequence", of: document)
    guard sequence >= 0 else { throw SPIFFEError(.invalidBundle, "spiffe_sequence is negative") }
    if reading == .standard { contents.bundle.sequenceNumber = UInt64(sequence) }

    let keys = document["keys"] ?? .null
    if keys.isNull {
      // SPIRE: a document without keys is an empty bundle. The standard requires the member (Bundle §4.2).
      guard reading == .strict else { throw SPIFFEError(.invalidBundle, "no authorities found") }
      return contents.bundle
    }
    guard let entries = keys.array else { throw SPIFFEError(.invalidBundle, "keys is not an array") }
    for (index, entry) in entries.enumerated() {
      guard let json = entry.object else { throw SPIFFEError(.invalidBundle, "key entry \(index) is not an object") }
      switch reading {
      case .strict: try addStrictly(json, index, to: &contents)
      case .standard:
        if let reason = unusable(json) {
          ignoring("key entry \(index): \(reason)")
        } else {
          try addUsable(json, index, to: &contents)
        }
      }
    }
    return contents.bundle
  }

  /// Reads a bundle document.
  public static func decode(
    _ text: String, trustDomain: TrustDomain, reading: Reading = .strict
  ) throws(SPIFFEError) -> Bundle {
    try decode(Array(text.utf8), trustDomain: trustDomain, reading: reading)
  }

  private static func addStrictly(_ json: JSONObject, _ index: Int, to contents: inout Contents) throws(SPIFFEError) {
    let key = try JSONWebKey(json)
    switch key.use ?? "" {
    case x509Use:
      guard key.certificates.count == 1, let der = key.certificates.first else {
        throw SPIFFEError(
          .invalidBundle, "expected a single certificate in x509-svid entry \(index); got \(key.certificates.count)")
      }
      contents.add(X509Authority(der: der))
    case jwtUse:
      guard let keyID = key.keyID, !keyID.isEmpty else {
        throw SPIFFEError(.invalidBundle, "missing key ID in jwt-svid entry \(index)")
      }
      contents.add(JWTAuthority(publicKey: key.key.pkix, keyID: keyID), to: \.jwtAuthorities)
    case "": throw SPIFFEError(.invalidBundle, "missing use for key entry \(index)")
    case let use:
      throw SPIFFEError(.invalidBundle, "unrecognized use \(GoQuote.string(use)) for key entry \(index)")
    }
  }

  /// Why the standard says to leave an entry out, or nil if it is to be read: uses, types and curves that are not known
  /// here (Bundle §4.2.2, RFC 7517 §5), and X.509 entries without a certificate (X509-SVID §6.2).
  private static func unusable(_ json: JSONObject) -> String? {
    func text(_ name: String) -> String? {
      guard let value = json[name], !value.isNull else { return "" }
      // Something else than a text is not unknown but malformed, which refuses the document.
      return value.string
    }
    if let use = text("use"), ![x509Use, jwtUse, witUse].contains(use) {
      return use.isEmpty ? "use is missing" : "use \(GoQuote.string(use)) is not known"
    }
    if let type = text("kty"), !["EC", "RSA"].contains(type) {
      return type.isEmpty ? "kty is missing" : "kty \(GoQuote.string(type)) is not known"
    }
    if text("kty") == "EC", let curve = text("crv"), !curve.isEmpty, PublicKey.Curve(rawValue: curve) == nil {
      return "crv \(GoQuote.string(curve)) is not known"
    }
    guard text("use") == x509Use else { return nil }
    switch json["x5c"] {
    case nil, .null: return "x5c is missing"
    case .array(let list) where list.isEmpty: return "x5c is empty"
    default: return nil
    }
  }

  private static func addUsable(_ json: JSONObject, _ index: Int, to contents: inout Contents) throws(SPIFFEError) {
    let use = json["use"]?.string ?? ""
    if use == x509Use {
      var entry = json
      if let first = json["x5c"]?.array?.first { entry["x5c"] = .array([first]) }
      for der in try JSONWebKey(entry).certificates { contents.add(X509Authority(der: der)) }
      return
    }
    let key = try JSONWebKey(json)
    guard let keyID = key.keyID, !keyID.isEmpty else {
      throw SPIFFEError(.invalidBundle, "missing key ID in \(use) entry \(index)")
    }
    let authority = JWTAuthority(publicKey: key.key.pkix, keyID: keyID)
    contents.add(authority, to: use == jwtUse ? \.jwtAuthorities : \.witAuthorities)
  }

  private static func number(_ name: String, of document: JSONObject) throws(SPIFFEError) -> Int64 {
    switch document[name] {
    case nil, .null: return 0
    case .int(let value): return value
    default: throw SPIFFEError(.invalidBundle, "\(name) is not an integer")
    }
  }

  /// A bundle while its document is read; used by the decoder's loop only. What was added is found again by its bytes, in
  /// a time that does not grow with the bundle: a document has room for ten thousands of keys.
  private struct Contents {
    var bundle: Bundle
    private var certificates: Set<[UInt8]> = []
    private var positions: [WritableKeyPath<Bundle, [JWTAuthority]>: [[UInt8]: Int]] = [:]

    init(bundle: Bundle) { self.bundle = bundle }

    /// Adds an authority unless it is there.
    mutating func add(_ authority: X509Authority) {
      if certificates.insert(authority.der).inserted { bundle.x509Authorities.append(authority) }
    }

    /// Adds an authority to the list of its kind; of two with one key ID the last one counts.
    mutating func add(_ authority: JWTAuthority, to list: WritableKeyPath<Bundle, [JWTAuthority]>) {
      let keyID = Array(authority.keyID.utf8)
      if let position = positions[list]?[keyID] {
        bundle[keyPath: list][position] = authority
      } else {
        positions[list, default: [:]][keyID] = bundle[keyPath: list].count
        bundle[keyPath: list].append(authority)
      }
    }
  }
}
