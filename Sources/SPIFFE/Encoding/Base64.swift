/// Strict base64 (RFC 4648 §4) and base64url without padding (§5), as JOSE and PEM need them.
///
/// Decoding accepts exactly one text for each byte string: no white space, correct padding, zero trailing bits.
public enum Base64 {
  /// Encodes with the standard alphabet and padding.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: encodedBytes(bytes, alphabet: standard, padded: true), as: UTF8.self)
  }

  /// Encodes with the URL-safe alphabet, without padding.
  public static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: encodedBytes(bytes, alphabet: urlSafe, padded: false), as: UTF8.self)
  }

  /// Decodes padded standard base64.
  ///
  /// - Parameter ignoringNewlines: skip CR and LF, as PEM bodies and JWK `x5c` values may hold them.
  /// - Throws: ``SPIFFEError`` with code `malformedBase64`.
  public static func decode(_ text: some StringProtocol, ignoringNewlines: Bool = false) throws(SPIFFEError) -> [UInt8]
  {
    guard var body = contiguous(text.utf8) else { throw malformed }
    if ignoringNewlines { body.removeAll { $0 == 0x0A || $0 == 0x0D } }
    guard body.count % 4 == 0 else { throw malformed }
    var padding = 0
    while padding < 2, body.last == UInt8(ascii: "=") {
      body.removeLast()
      padding += 1
    }
    guard let bytes = decodedBytes(body[...], values: standardValues) else { throw malformed }
    return bytes
  }

  /// Decodes base64url without padding.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedBase64`.
  public static func decodeURL(_ text: some StringProtocol) throws(SPIFFEError) -> [UInt8] {
    guard let body = contiguous(text.utf8) else { throw malformed }
    return try decodeURL(bytes: body[...])
  }

  static func decodeURL(bytes: ArraySlice<UInt8>) throws(SPIFFEError) -> [UInt8] {
    guard let decoded = decodedBytes(bytes, values: urlSafeValues) else { throw malformed }
    return decoded
  }

  static func appendURL(_ bytes: some Collection<UInt8>, to output: inout [UInt8]) {
    output.append(contentsOf: encodedBytes(bytes, alphabet: urlSafe, padded: false))
  }

  private static let malformed = SPIFFEError(.malformedBase64, "illegal base64 data")

  private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  private static let standardValues = values(of: standard)
  private static let urlSafeValues = values(of: urlSafe)

  private static func values(of alphabet: [UInt8]) -> [UInt8] {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }

  private static func contiguous(_ text: some Collection<UInt8>) -> [UInt8]? { Array(text) }

  private static func encodedBytes(_ input: some Collection<UInt8>, alphabet: [UInt8], padded: Bool) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity((input.count + 2) / 3 * 4)
    var bits: UInt32 = 0
    var held = 0
    for byte in input {
      bits = (bits << 8) | UInt32(byte)
      held += 1
      if held == 3 {
        output.append(alphabet[Int(bits >> 18 & 63)])
        output.append(alphabet[Int(bits >> 12 & 63)])
        output.append(alphabet[Int(bits >> 6 & 63)])
        output.append(alphabet[Int(bits & 63)])
        bits = 0
        held = 0
      }
    }
    if held > 0 {
      bits <<= UInt32(8 * (3 - held))
      output.append(alphabet[Int(bits >> 18 & 63)])
      output.append(alphabet[Int(bits >> 12 & 63)])
      if held == 2 { output.append(alphabet[Int(bits >> 6 & 63)]) }
      if padded { output.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - held)) }
    }
    return output
  }

  private static func decodedBytes(_ input: ArraySlice<UInt8>, values: [UInt8]) -> [UInt8]? {
    guard input.count % 4 != 1 else { return nil }
    var output: [UInt8] = []
    output.reserveCapacity(input.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    var held: UInt32 = 0
    for character in input {
      let value = values[Int(character)]
      guard value != 0xFF else { return nil }
      bits = (bits << 6) | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> held))
        bits &= (1 << held) - 1
      }
    }
    // Bits left over must be zero, or several texts would decode to the same bytes (RFC 4648 §3.5).
    return bits == 0 ? output : nil
  }
}
