/// Where something stands in a configuration file: line and column, both counted from 1, columns in characters.
package struct HCLPosition: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static let start = HCLPosition(line: 1, column: 1)

  package var description: String { "\(line):\(column)" }

  package static func < (a: HCLPosition, b: HCLPosition) -> Bool {
    (a.line, a.column) < (b.line, b.column)
  }
}
