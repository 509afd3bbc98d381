/// Why a message of the API could not be turned into a value. The text is upstream's and reaches the caller after the
/// method's own words, e.g. `failed to convert entry: invalid parent ID: …`.
package struct ConversionError: Error, Hashable, CustomStringConvertible {
  package let message: String

  init(_ message: String) { self.message = message }

  /// The same with words before it.
  func prefixed(_ words: String) -> ConversionError { ConversionError(words + ": " + message) }

  package var description: String { message }
}
