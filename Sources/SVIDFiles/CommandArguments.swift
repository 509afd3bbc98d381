import Daemon

/// The arguments of a command in one text, split as spiffe-helper splits them: by Go's CSV reader with a blank for the
/// comma. No shell has a part in it. Pure.
package enum CommandArguments {
  /// - Throws: ``SVIDFileError`` with the words of Go's reader.
  package static func split(_ text: String) throws(SVIDFileError) -> [String] {
    // The reader passes over empty lines, takes the first that is none, and stops at its end.
    var bytes = Array(text.utf8)[...]
    while let first = bytes.first, isLineEnd(bytes, first) { bytes = bytes.dropFirst(first == 0x0D ? 2 : 1) }
    if text.isEmpty { return [] }
    guard !bytes.isEmpty else { throw SVIDFileError(.configuration, "EOF") }
    var fields: [String] = []
    var line = bytes
    while true {
      var field: [UInt8] = []
      if line.first == quote {
        line = try quoted(line.dropFirst(), &field)
      } else {
        while let byte = line.first, byte != blank, !isLineEnd(line, byte) {
          guard byte != quote else { throw bare }
          field.append(byte)
          line = line.dropFirst()
        }
      }
      fields.append(String(decoding: field, as: UTF8.self))
      guard line.first == blank else { return fields }
      line = line.dropFirst()
    }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let blank = UInt8(ascii: " ")
  private static let bare = SVIDFileError(.configuration, "parse error in cmd_args: bare \" in non-quoted-field")

  private static func isLineEnd(_ rest: ArraySlice<UInt8>, _ byte: UInt8) -> Bool {
    byte == 0x0A || byte == 0x0D && rest.dropFirst().first == 0x0A
  }

  /// Reads up to the closing quote; a doubled one stands for itself. What is left begins with a blank or a line's end.
  private static func quoted(
    _ start: ArraySlice<UInt8>, _ field: inout [UInt8]
  ) throws(SVIDFileError) -> ArraySlice<UInt8> {
    var rest = start
    while let byte = rest.popFirst() {
      guard byte == quote else {
        field.append(byte)
        continue
      }
      if rest.first == quote {
        field.append(quote)
        rest = rest.dropFirst()
        continue
      }
      guard let next = rest.first, next != blank, !isLineEnd(rest, next) else { return rest }
      throw SVIDFileError(.configuration, "parse error in cmd_args: extraneous or missing \" in quoted-field")
    }
    throw SVIDFileError(.configuration, "parse error in cmd_args: extraneous or missing \" in quoted-field")
  }
}
