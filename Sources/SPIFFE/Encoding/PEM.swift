/// PEM text (RFC 7468): base64 in lines of 64 columns between BEGIN and END lines.
public enum PEM {
  /// The largest text that ``decode(_:)`` reads, in bytes.
  public static let maximumSize = 4 << 20

  /// One block: `type` is the label ("CERTIFICATE"), `der` the decoded body.
  public typealias Block = (type: String, der: [UInt8])

  /// The block of `der` with the label `type`, ending in a newline.
  public static func encode(_ der: [UInt8], type: String) -> String {
    var text = "-----BEGIN \(type)-----\n"
    let body = Array(Base64.encode(der).utf8)
    var start = 0
    while start < body.count {
      let end = min(start + 64, body.count)
      text += String(decoding: body[start..<end], as: UTF8.self)
      text += "\n"
      start = end
    }
    return text + "-----END \(type)-----\n"
  }

  /// The blocks of `text` in order. Text outside the blocks, and RFC 1421 headers inside them, are skipped.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedPEM` for a block that is not closed, holds something that is not
  ///   base64, is encrypted, or for a text longer than ``maximumSize``. A text without blocks is not an error.
  public static func decode(_ text: String) throws(SPIFFEError) -> [Block] {
    let bytes = Array(text.utf8)
    guard bytes.count <= maximumSize else {
      throw SPIFFEError(.malformedPEM, "PEM text is larger than \(maximumSize) bytes")
    }
    var blocks: [Block] = []
    var open: OpenBlock?
    for rawLine in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      let line = trimmed(rawLine)
      // The open block is changed where it is: a copy for each line would take a time that grows with the square of the
      // text's length.
      guard open != nil else {
        open = label(line, after: begin).map { OpenBlock(type: $0) }
        continue
      }
      guard let type = label(line, after: end) else {
        try open?.add(line)
        continue
      }
      if let block = open {
        guard type == block.type else {
          throw SPIFFEError(.malformedPEM, "PEM block \"\(block.type)\" is closed as \"\(type)\"")
        }
        blocks.append((block.type, try block.decoded()))
      }
      open = nil
    }
    if let open { throw SPIFFEError(.malformedPEM, "PEM block \"\(open.type)\" has no END line") }
    return blocks
  }

  /// The bodies of the blocks labelled `type`.
  public static func decode(_ text: String, type: String) throws(SPIFFEError) -> [[UInt8]] {
    try decode(text).filter { $0.type == type }.map(\.der)
  }

  private static let begin = Array("-----BEGIN ".utf8)
  private static let end = Array("-----END ".utf8)
  private static let dashes = Array("-----".utf8)

  private static func label(_ line: ArraySlice<UInt8>, after prefix: [UInt8]) -> String? {
    guard line.starts(with: prefix), line.count > prefix.count + dashes.count,
      line.suffix(dashes.count).elementsEqual(dashes)
    else { return nil }
    return String(decoding: line.dropFirst(prefix.count).dropLast(dashes.count), as: UTF8.self)
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var line = line
    while let last = line.last, isSpace(last) { line = line.dropLast() }
    while let first = line.first, isSpace(first) { line = line.dropFirst() }
    return line
  }

  /// A block whose END line has not been seen; used by the decoder's loop only.
  private struct OpenBlock {
    let type: String
    private var body: [UInt8] = []
    private var inHeaders = true

    init(type: String) { self.type = type }

    mutating func add(_ line: ArraySlice<UInt8>) throws(SPIFFEError) {
      if inHeaders, line.contains(UInt8(ascii: ":")) {
        if line.starts(with: "Proc-Type:".utf8) {
          throw SPIFFEError(.malformedPEM, "PEM block \"\(type)\" is encrypted: decrypt it first")
        }
        return
      }
      if !line.isEmpty { inHeaders = false }
      body.append(contentsOf: line)
    }

    func decoded() throws(SPIFFEError) -> [UInt8] {
      do { return try Base64.decode(String(decoding: body, as: UTF8.self)) } catch {
        throw SPIFFEError(.malformedPEM, "PEM block \"\(type)\" is not base64", cause: error)
      }
    }
  }
}
