import Daemon

/// Checks the names that certificates are for (RFC 5891 for look-ups, of which only the result in ASCII is taken).
package enum DomainName {
  /// What is wrong with a name; nil for nothing.
  package static func problem(_ name: String) -> String? {
    func invalid(_ reason: String) -> String { "domain \(quoted(name)) is not a valid domain name: \(reason)" }
    for scalar in name.unicodeScalars where scalar.isASCII && !isAllowed(scalar) {
      let hex = String(scalar.value, radix: 16, uppercase: true)
      return invalid("idna: disallowed rune U+" + String(repeating: "0", count: max(0, 4 - hex.utf8.count)) + hex)
    }
    guard name.utf8.count <= 253 else { return invalid("idna: invalid label \(quoted(String(name.prefix(64))))") }
    // A name may end with the dot of the root.
    let labels = (name.hasSuffix(".") ? name.dropLast() : name[...]).split(
      separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      let isWrong = label.isEmpty || label.hasPrefix("-") || label.hasSuffix("-") || label.utf8.count > 63
      if isWrong { return invalid("idna: invalid label \(quoted(String(label)))") }
    }
    let isASCII = name.utf8.allSatisfy { $0 < 0x80 && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    return isASCII ? nil : "domain \(quoted(name)) must already be punycode encoded"
  }

  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    let character = Character(scalar)
    return character.isLetter || character.isNumber || scalar == "-" || scalar == "."
  }

  private static func quoted(_ text: String) -> String { GoText.quote(text) }
}
