import Daemon

/// File modes as configurations give them: numbers, which HCL reads as octal when they begin with 0.
package enum FileMode {
  /// The mode that a key sets; nil and 0 are the default, as upstream reads them.
  ///
  /// - Parameter name: how messages call it, `cert file mode`.
  package static func checked(_ value: Int?, default fallback: UInt32, name: String) throws(SVIDFileError) -> UInt32 {
    guard let value, value != 0 else { return fallback }
    guard value > 0 else { throw SVIDFileError(.configuration, "\(name) must be positive") }
    guard value <= 0o777 else {
      throw SVIDFileError(.configuration, "\(name) must be at most 0777: octal numbers begin with 0, such as 0644")
    }
    return UInt32(value)
  }

  /// Whether it lets somebody execute the file: the number was likely meant to be octal (`444` is 0674).
  package static func looksDecimal(_ mode: UInt32) -> Bool { mode & 0o111 != 0 }

  /// `0644`
  package static func text(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }
}
