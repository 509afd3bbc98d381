/// Stands before the sinks: puts the daemon's prefix before each key, adds the common labels, cleans labels and applies
/// the filter, all in go-metrics' order. A value; the sinks behind it are shared.
package struct MetricsDecorator: MetricsSink {
  /// What comes between prefix and key for sinks that ask for it. Samples are times when their key says so.
  static let timerType = "timer"

  private let prefix: String
  private let common: [MetricLabel]
  private let host: MetricLabel?
  private let filter: MetricsFilter
  private let hasTypes: Bool
  private let sinks: [any MetricsSink]

  /// - Parameters:
  ///   - prefix: `spire_server`, `spire_agent` or `MetricPrefix`.
  ///   - labels: on every metric, after its own: `trust_domain`.
  ///   - host: the label `host`, which comes last and as it is.
  ///   - hasTypes: whether the metric's type follows the prefix (M3); filters see it, too.
  package init(
    prefix: String, labels: [MetricLabel] = [], host: String? = nil, filter: MetricsFilter = MetricsFilter(),
    hasTypes: Bool = false, sinks: [any MetricsSink]
  ) {
    self.prefix = prefix
    common = labels
    self.host = host.map { MetricLabel("host", $0) }
    self.filter = filter
    self.hasTypes = hasTypes
    self.sinks = sinks
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    forward(key, "counter", labels) { $0.incrementCounter($1, by: value, labels: $2) }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    forward(key, "gauge", labels) { $0.setGauge($1, to: value, labels: $2) }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    let type = key.last == "elapsed_time" ? Self.timerType : "sample"
    forward(key, type, labels) { $0.addSample($1, value, labels: $2) }
  }

  private func forward(
    _ key: [String], _ type: String, _ labels: [MetricLabel],
    _ body: (any MetricsSink, [String], [MetricLabel]) -> Void
  ) {
    let key = (hasTypes ? [prefix, type] : [prefix]) + key
    guard filter.allows(key) else { return }
    var labels = (labels + common).map { MetricLabel(Self.clean($0.name), Self.clean($0.value)) }
    if let host { labels.append(host) }
    labels = filter.labels(labels)
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
