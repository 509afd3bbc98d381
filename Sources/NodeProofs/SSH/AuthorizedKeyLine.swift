import SPIFFE

/// One line of a file of public keys or certificates: options, if any, the type, base64, a comment (sshd(8)).
package enum AuthorizedKeyLine {
  /// The longest line. In bytes.
  package static let maximumLength = 128 << 10

  /// The key's or certificate's wire form.
  package static func wire(_ line: String) throws(NodeProofError) -> [UInt8] {
    guard line.utf8.count <= maximumLength else { throw NodeProofError("ssh: line is too long") }
    let words = words(of: line)
    // The type stands before its base64; options may stand before both.
    for index in words.indices.dropLast() {
      guard let wire = try? Base64.decode(words[index + 1]) else { continue }
      var reader = SSHReader(wire)
      if reader.text() == words[index] { return wire }
    }
    throw NodeProofError("ssh: no key found")
  }

  /// The lines that hold something: no empty ones, no comments.
  package static func lines(of text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).map { line in
      String(line.drop { $0 == " " || $0 == "\t" })
    }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
  }

  /// At most the first eight words; quotes hold spaces together.
  private static func words(of line: String) -> [String] {
    var words: [[UInt8]] = []
    var word: [UInt8] = []
    var isQuoted = false
    for byte in line.utf8 {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if !isQuoted, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A {
        if !word.isEmpty { words.append(word) }
        word = []
        if words.count == 8 { break }
      } else {
        word.append(byte)
      }
    }
    if !word.isEmpty { words.append(word) }
    return words.map { String(decoding: $0, as: UTF8.self) }
  }
}
