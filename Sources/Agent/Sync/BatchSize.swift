/// How many requests go into one call: halved when a call fails, doubled when it succeeds. A value.
package struct BatchSize: Hashable, Sendable {
  package static let maximum = 500
  package private(set) var current = BatchSize.maximum

  package init() {}

  package mutating func failed() { current = max(1, current / 2) }
  package mutating func succeeded() { current = min(Self.maximum, current * 2) }
}
