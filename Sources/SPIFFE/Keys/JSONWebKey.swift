/// A public JSON Web Key (RFC 7517) as SPIFFE bundles use it. Private and symmetric keys are refused.
public struct JSONWebKey: Hashable, Sendable {
  public var key: PublicKey
  /// What the key is for; in SPIFFE bundles `x509-svid`, `jwt-svid` or `wit-svid`.
  public var use: String?
  public var keyID: String?
  /// The one algorithm the key may be used with, if it says so.
  public var algorithm: String?
  /// What the key may do (`verify`, …), if it says so.
  public var keyOperations: [String]?
  /// DER certificates, the first one for ``key``.
  public var certificates: [[UInt8]]

  public init(
    key: PublicKey, use: String? = nil, keyID: String? = nil, algorithm: String? = nil,
    keyOperations: [String]? = nil, certificates: [[UInt8]] = []
  ) {
    self.key = key
    self.use = use
    self.keyID = keyID
    self.algorithm = algorithm
    self.keyOperations = keyOperations
    self.certificates = certificates
  }

  /// Reads a JWK. Members this library does not know are ignored.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedKey`, `unsupportedKey` or `malformedCertificate`.
  public init(_ json: JSONObject) throws(SPIFFEError) {
    certificates = []
    for item in try Self.strings("x5c", of: json) ?? [] {
      do { certificates.append(try Base64.decode(item, ignoringNewlines: true)) } catch {
        throw SPIFFEError(.malformedCertificate, "failed to unmarshal x5c field: \(error)", cause: error)
      }
    }
    key = try Self.key(json)
    use = try Self.string("use", of: json)
    keyID = try Self.string("kid", of: json)
    algorithm = try Self.string("alg", of: json)
    keyOperations = try Self.strings("key_ops", of: json)
    if let first = certificates.first {
      guard try X509Certificates.publicKey(of: X509Certificates.parse(der: first)) == key else {
        throw SPIFFEError(.malformedKey, "invalid JWK, public keys in key and x5c fields do not match")
      }
    }
  }

  /// The members in the order that other implementations write them: use, kty, kid, crv, alg, x, y or n, e, x5c.
  public var json: JSONObject {
    var members: [JSONObject.Member] = []
    func add(_ name: String, _ value: JSONValue) { members.append(.init(name: name, value: value)) }
    let numbers = key.jwkNumbers
    if let use, !use.isEmpty { add("use", .string(use)) }
    add("kty", .string(numbers.type))
    if let keyID, !keyID.isEmpty { add("kid", .string(keyID)) }
    if let curve = numbers.curve { add("crv", .string(curve)) }
    if let algorithm, !algorithm.isEmpty { add("alg", .string(algorithm)) }
    for (name, bytes) in numbers.values { add(name, .string(Base64.encodeURL(bytes))) }
    if let keyOperations { add("key_ops", .array(keyOperations.map { .string($0) })) }
    if !certificates.isEmpty { add("x5c", .array(certificates.map { .string(Base64.encode($0)) })) }
    return JSONObject(unique: members)
  }

  /// Whether the key's own members allow it to verify signatures made with `algorithm` (RFC 7517 §4.2 to §4.4).
  public func permitsVerification(with algorithm: JWSAlgorithm) -> Bool {
    if use == "enc" { return false }
    if let keyOperations, !keyOperations.contains("verify") { return false }
    if let own = self.algorithm, own != algorithm.rawValue { return false }
    return algorithm.fits(key.keyType)
  }

  private static func key(_ json: JSONObject) throws(SPIFFEError) -> PublicKey {
    let type = try string("kty", of: json) ?? ""
    guard json["d"] == nil else {
      throw SPIFFEError(.unsupportedKey, "JWK holds a private key: only public keys belong here")
    }
    switch type {
    case "EC":
      let name = try string("crv", of: json) ?? ""
      guard let curve = PublicKey.Curve(rawValue: name) else {
        throw SPIFFEError(.unsupportedKey, "unsupported elliptic curve '\(name)'")
      }
      guard let x = try bytes("x", of: json), let y = try bytes("y", of: json) else {
        throw SPIFFEError(.malformedKey, "invalid EC key, missing x/y values")
      }
      guard x.count == curve.coordinateSize else {
        throw SPIFFEError(.malformedKey, "invalid EC public key, wrong length for x")
      }
      guard y.count == curve.coordinateSize else {
        throw SPIFFEError(.malformedKey, "invalid EC public key, wrong length for y")
      }
      return try PublicKey(curve: curve, x: x, y: y)
    case "RSA":
      guard let n = try bytes("n", of: json), let e = try bytes("e", of: json) else {
        throw SPIFFEError(.malformedKey, "invalid RSA key, missing n/e values")
      }
      return try PublicKey(modulus: n, exponent: e)
    default:
      throw SPIFFEError(.unsupportedKey, "unknown json web key type '\(type)'")
    }
  }

  private static func string(_ name: String, of json: JSONObject) throws(SPIFFEError) -> String? {
    guard let value = json[name], !value.isNull else { return nil }
    guard let text = value.string else { throw SPIFFEError(.malformedKey, "JWK member \"\(name)\" is not a string") }
    return text
  }

  private static func strings(_ name: String, of json: JSONObject) throws(SPIFFEError) -> [String]? {
    guard let value = json[name], !value.isNull else { return nil }
    let texts = value.array?.compactMap(\.string)
    guard let texts, texts.count == value.array?.count else {
      throw SPIFFEError(.malformedKey, "JWK member \"\(name)\" is not a list of strings")
    }
    return texts
  }

  private static func bytes(_ name: String, of json: JSONObject) throws(SPIFFEError) -> [UInt8]? {
    guard let text = try string(name, of: json) else { return nil }
    do { return try Base64.decodeURL(text) } catch {
      throw SPIFFEError(.malformedKey, "JWK member \"\(name)\" is not base64url", cause: error)
    }
  }
}

extension PublicKey {
  /// The type, curve and numbers of the key under their JWK names, in writing order.
  var jwkNumbers: (type: String, curve: String?, values: [(String, [UInt8])]) {
    let contents = subjectPublicKey
    if case .rsa = keyType {
      var outer = DERReader(contents[...])
      var numbers = DERReader(outer.next()?.contents ?? [])
      let modulus = numbers.positiveInteger() ?? []
      let exponent = numbers.positiveInteger() ?? []
      return ("RSA", nil, [("n", Array(modulus)), ("e", Array(exponent))])
    }
    let coordinates = contents.dropFirst()
    let size = coordinates.count / 2
    let curve: Curve = keyType == .ecP256 ? .p256 : keyType == .ecP384 ? .p384 : .p521
    return ("EC", curve.rawValue, [("x", Array(coordinates.prefix(size))), ("y", Array(coordinates.suffix(size)))])
  }

  /// The key as a JWK with no further members.
  public var jwk: JSONWebKey { JSONWebKey(key: self) }
}
