import GoSyntax

/// A signed message in the compact serialisation (RFC 7515 §7.1) with one of the algorithms of JWT-SVID §2.1.
///
/// Parsing says nothing about the signature: call ``isSigned(by:)``.
public struct CompactJWS: Sendable {
  /// The longest text that is parsed, in bytes.
  public static let maximumSize = 64 << 10

  public let algorithm: JWSAlgorithm
  /// The protected header. A member can occur only once.
  public let header: JSONObject
  public let payload: [UInt8]
  public let signature: [UInt8]
  /// What the signature covers: header and payload as they were written.
  let signingInput: ArraySlice<UInt8>

  /// Parses `text`: three parts of canonical base64url, a JSON header, a permitted algorithm.
  ///
  /// The algorithm is checked before anything else is decoded. A `crit` header is refused: no extension is understood.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken`.
  public init(parsing text: String) throws(SPIFFEError) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumSize else {
      throw Self.malformed("JWS is larger than \(Self.maximumSize) bytes")
    }
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw Self.malformed("go-jose/go-jose: compact JWS format must have three parts") }

    let decodedHeader: JSONValue
    do {
      let limits = JSONLimits(maximumBytes: Self.maximumSize, maximumDepth: 16, rejectsDuplicates: true)
      decodedHeader = try JSONValue(parsing: Base64.decodeURL(bytes: parts[0]), limits: limits)
    } catch {
      throw SPIFFEError(.malformedToken, error.message, cause: error)
    }
    guard let header = decodedHeader.object else { throw Self.malformed("JWS header is not a JSON object") }
    let name = header["alg"]?.string ?? ""
    guard let algorithm = JWSAlgorithm(rawValue: name) else {
      let expected = GoQuote.list(JWSAlgorithm.allCases.map(\.rawValue))
      throw Self.malformed("unexpected signature algorithm \(GoQuote.string(name)); expected \(expected)")
    }
    guard header["crit"] == nil, header["b64"] == nil else {
      throw Self.malformed("go-jose/go-jose: unsupported crit header")
    }
    self.algorithm = algorithm
    self.header = header
    do {
      payload = try Base64.decodeURL(bytes: parts[1])
      signature = try Base64.decodeURL(bytes: parts[2])
    } catch {
      throw SPIFFEError(.malformedToken, error.message, cause: error)
    }
    signingInput = bytes[..<parts[1].endIndex]
  }

  /// Whether the signature was made by the private half of `key` with the algorithm that the header names.
  public func isSigned(by key: PublicKey) -> Bool {
    key.isValidSignature(signature, for: signingInput, algorithm: algorithm)
  }

  /// Whether the signature was made by `key` and the key's own members allow that.
  public func isSigned(by key: JSONWebKey) -> Bool {
    key.permitsVerification(with: algorithm) && isSigned(by: key.key)
  }

  /// The string member `name` of the header, or nil if it is absent.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken` if it is not a string.
  func headerString(_ name: String) throws(SPIFFEError) -> String? {
    guard let value = header[name], !value.isNull else { return nil }
    guard let text = value.string else { throw Self.malformed("JWS header \"\(name)\" is not a string") }
    return text
  }

  private static func malformed(_ message: String) -> SPIFFEError { SPIFFEError(.malformedToken, message) }
}
