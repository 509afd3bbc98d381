/// What a JSON text may cost to parse.
public struct JSONLimits: Hashable, Sendable {
  /// The longest text, in bytes.
  public var maximumBytes: Int
  /// The deepest nesting of arrays and objects.
  public var maximumDepth: Int
  /// Whether an object with two members of one name is refused. If not, the last one counts, as in Go.
  public var rejectsDuplicates: Bool

  public init(maximumBytes: Int = 4 << 20, maximumDepth: Int = 64, rejectsDuplicates: Bool = false) {
    self.maximumBytes = maximumBytes
    self.maximumDepth = maximumDepth
    self.rejectsDuplicates = rejectsDuplicates
  }
}
