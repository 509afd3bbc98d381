/// Text that comes from a server or a file, made fit for a message or a header.
package enum OutsideText {
  /// On one line, without control characters.
  package static func line(_ bytes: some Sequence<UInt8>) -> String {
    let text = String(decoding: Array(bytes), as: UTF8.self)
    return String(String.UnicodeScalarView(trimmed(text).unicodeScalars.map { $0.properties.isPrintable ? $0 : " " }))
  }

  /// Without white space around it.
  package static func trimmed(_ bytes: [UInt8]) -> String { trimmed(String(decoding: bytes, as: UTF8.self)) }

  private static func trimmed(_ text: String) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}

extension Unicode.Scalar.Properties {
  fileprivate var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
