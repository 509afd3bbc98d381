/// The buckets in which samples are counted for M3, with the tags that tally gives them. A value.
struct M3Buckets {
  /// Of times, in milliseconds: upstream's.
  static let times = M3Buckets(
    bounds: [
      0, 10, 25, 50, 75, 100, 200, 300, 400, 500, 600, 800, 1000, 2000, 5000, 10000, 15000, 20000, 25000, 30000,
    ], name: Self.time)
  /// Of all other samples: orders of magnitude.
  static let values = M3Buckets(bounds: [0, 1, 10, 100, 1000, 10000]) { GoText.fixed($0, decimals: 6) }

  private let bounds: [Double]
  private let tags: [[MetricLabel]]

  private init(bounds: [Double], name: (Double) -> String) {
    self.bounds = bounds
    let names = ["-infinity"] + bounds.map(name) + ["infinity"]
    tags = zip(names, names.dropFirst()).enumerated().map { index, pair in
      let number = "\(index)"
      let id = String(repeating: "0", count: 4 - number.count) + number
      return [MetricLabel("bucketid", id), MetricLabel("bucket", "\(pair.0)-\(pair.1)")]
    }
  }

  /// Go's form of a duration of whole milliseconds.
  private static func time(_ milliseconds: Double) -> String {
    milliseconds == 0 ? "0" : GoDuration.format(.milliseconds(Int(milliseconds)))
  }

  /// The first bucket that reaches up to `value`.
  func index(of value: Double) -> Int { bounds.firstIndex { $0 >= value } ?? bounds.count }

  func tags(of index: Int) -> [MetricLabel] { tags[index] }
}
