/// A signature as SSH has it: the name of the algorithm, and what that algorithm makes of it. Nothing in it is verified.
package struct SSHSignature: Hashable, Sendable {
  package let format: String
  package let blob: [UInt8]

  package init(format: String, blob: [UInt8]) {
    self.format = format
    self.blob = blob
  }

  /// Reads the wire form.
  init?(wire: [UInt8]) {
    var reader = SSHReader(wire)
    guard let format = reader.text(), let blob = reader.string(), reader.isAtEnd else { return nil }
    self.init(format: format, blob: blob)
  }
}
