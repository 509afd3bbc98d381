/// Pieces of SQL text of variable length.
enum SQLText {
  /// The most arguments that a list in a statement gets.
  static let longestList = 500

  /// `(?, ?, ?)`
  static func list(_ count: Int) -> String {
    "(" + Array(repeating: "?", count: count).joined(separator: ", ") + ")"
  }

  /// Splits values into lists of few different lengths, so that few different statements are prepared; the last value
  /// is repeated to fill a list.
  static func lists(_ values: [SQLValue]) -> [[SQLValue]] {
    stride(from: 0, to: values.count, by: longestList).map { start in
      var part = Array(values[start..<min(start + longestList, values.count)])
      let length = [1, 10, 100].first { $0 >= part.count } ?? longestList
      part += Array(repeating: part[part.count - 1], count: length - part.count)
      return part
    }
  }
}
