/// Walks the wire form of TPM 2.0 structures (TCG TPM 2.0 Library, Part 2) without copying and never past its end: numbers
/// are big endian, bytes stand behind a length of 16 bits. A length is compared with a bound before anything is taken.
struct TPMReader {
  private static let short = NodeProofError("tpm: the structure ends early")

  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func number8() throws(NodeProofError) -> UInt8 {
    guard let byte = rest.popFirst() else { throw Self.short }
    return byte
  }

  mutating func number16() throws(NodeProofError) -> UInt16 { UInt16(truncatingIfNeeded: try number(2)) }

  mutating func number32() throws(NodeProofError) -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }

  mutating func number64() throws(NodeProofError) -> UInt64 { try number(8) }

  private mutating func number(_ count: Int) throws(NodeProofError) -> UInt64 {
    guard rest.count >= count else { throw Self.short }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Bytes behind their length (TPM2B), `limit` at most.
  mutating func sized(_ what: String, atMost limit: Int) throws(NodeProofError) -> [UInt8] {
    let count = Int(try number16())
    guard count <= limit else { throw NodeProofError("tpm: \(what) has \(count) bytes, \(limit) at most") }
    guard rest.count >= count else { throw Self.short }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Throws unless everything was read.
  func finish() throws(NodeProofError) {
    guard rest.isEmpty else { throw NodeProofError("tpm: \(rest.count) bytes follow the structure") }
  }
}
