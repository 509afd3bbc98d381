/// Stands before the sinks: puts the daemon's prefix before each key, adds the common labels, cleans label values and
/// applies the filter. A value; the sinks behind it are shared.
package struct MetricsDecorator: MetricsSink {
  private let prefix: String
  private let common: [MetricLabel]
  private let filter: MetricsFilter
  private let sinks: [any MetricsSink]

  /// - Parameters:
  ///   - prefix: `spire_server`, `spire_agent` or `MetricPrefix`.
  ///   - labels: on every metric: `host`, `trust_domain`.
  package init(
    prefix: String, labels: [MetricLabel] = [], filter: MetricsFilter = MetricsFilter(), sinks: [any MetricsSink]
  ) {
    self.prefix = prefix
    common = labels
    self.filter = filter
    self.sinks = sinks
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    forward(key, labels) { $0.incrementCounter($1, by: value, labels: $2) }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    forward(key, labels) { $0.setGauge($1, to: value, labels: $2) }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    forward(key, labels) { $0.addSample($1, value, labels: $2) }
  }

  private func forward(
    _ key: [String], _ labels: [MetricLabel], _ body: (any MetricsSink, [String], [MetricLabel]) -> Void
  ) {
    let key = [prefix] + key
    guard filter.allows(key) else { return }
    let labels = filter.labels(common + labels).map { MetricLabel($0.name, Self.clean($0.value)) }
    for sink in sinks { body(sink, key, labels) }
  }

  /// Replaces runs of characters other than letters, digits and `_`, and one `_` after them, by `_`.
  static func clean(_ value: String) -> String {
    func isWord(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    if value.utf8.allSatisfy(isWord) { return value }
    var result: [UInt8] = []
    var rest = value.utf8[...]
    while let byte = rest.first {
      guard !isWord(byte) else {
        result.append(byte)
        rest.removeFirst()
        continue
      }
      rest = rest.drop { !isWord($0) }
      if rest.first == UInt8(ascii: "_") { rest.removeFirst() }
      result.append(UInt8(ascii: "_"))
    }
    return String(decoding: result, as: UTF8.self)
  }
}
