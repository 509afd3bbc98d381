import FoundationEssentials
import Synchronization

/// Keeps metrics and writes them as Prometheus' text format, by go-metrics' naming: `spire_server_rpc_…`, counters
/// without `_total`, samples as summaries with the quantiles of the last ten seconds.
///
/// The number of series is bounded; what comes after is counted in `…_dropped_metrics`. Safe from any thread.
package final class PrometheusSink: MetricsSink {
  /// The most recent samples of a series, for its quantiles.
  struct Summary {
    static let window = 10.0
    static let capacity = 512
    var count = 0.0
    var sum = 0.0
    private var recent: [(at: Double, value: Double)] = []
    private var next = 0

    mutating func add(_ value: Double, at now: Double) {
      count += 1
      sum += value
      if recent.count < Self.capacity {
        recent.append((now, value))
      } else {
        recent[next] = (now, value)
        next = (next + 1) % Self.capacity
      }
    }

    /// The quantiles, `nan` when nothing came lately.
    func quantiles(_ wanted: [Double], at now: Double) -> [Double] {
      let values = recent.filter { now - $0.at <= Self.window }.map(\.value).sorted()
      return wanted.map { quantile in
        guard !values.isEmpty else { return .nan }
        let rank = Int((quantile * Double(values.count)).rounded(.up)) - 1
        return values[min(max(0, rank), values.count - 1)]
      }
    }
  }

  private enum Value {
    case counter(Double)
    case gauge(Double)
    case summary(Summary)

    var type: String {
      switch self {
      case .counter: "counter"
      case .gauge: "gauge"
      case .summary: "summary"
      }
    }
  }

  private struct State {
    var families: [String: [String: Value]] = [:]
    var seriesCount = 0
    var dropped = 0.0
  }

  private let maximumSeries: Int
  private let time: any TimeSource
  private let prefix: String
  private let state = Mutex(State())

  /// - Parameter prefix: of the sink's own metric about dropped series.
  package init(prefix: String, maximumSeries: Int = 10_000, time: any TimeSource = SystemTime()) {
    self.prefix = prefix
    self.maximumSeries = maximumSeries
    self.time = time
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    update(key, labels, initial: .counter(0)) { series in
      if case .counter(let old) = series { series = .counter(old + value) }
    }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    update(key, labels, initial: .gauge(0)) { series in
      if case .gauge = series { series = .gauge(value) }
    }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    let now = time.now.timeIntervalSince1970
    update(key, labels, initial: .summary(Summary())) { series in
      if case .summary(var summary) = series {
        // The old value is let go first, so that the samples are changed in place.
        series = .counter(0)
        summary.add(value, at: now)
        series = .summary(summary)
      }
    }
  }

  private func update(_ key: [String], _ labels: [MetricLabel], initial: Value, _ body: (inout Value) -> Void) {
    let name = Self.name(key.joined(separator: "_"))
    let text = Self.text(labels)
    state.withLock { state in
      if state.families[name]?[text] == nil {
        // One name has one type; Prometheus refuses a page where it has two.
        let isOther = state.families[name]?.values.first.map { $0.type != initial.type } ?? false
        guard state.seriesCount < maximumSeries, !isOther else {
          state.dropped += 1
          return
        }
        state.families[name, default: [:]][text] = initial
        state.seriesCount += 1
      }
      body(&state.families[name, default: [:]][text, default: initial])
    }
  }

  private static func name(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" || $0 == ":" ? $0 : "_" })
  }

  /// `host="x",status="OK"`, sorted by name.
  private static func text(_ labels: [MetricLabel]) -> String {
    labels.map { (name($0.name), $0.value) }.sorted { $0.0 < $1.0 }
      .map { "\($0.0)=\"\(escape($0.1))\"" }.joined(separator: ",")
  }

  private static func escape(_ value: String) -> String {
    // Scalar by scalar: as characters, a quote with an accent is no quote, and CR LF is no LF.
    var result = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\"": result.append(contentsOf: "\\\"".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// The page, in Prometheus' text format 0.0.4, families and series sorted.
  package func page() -> String {
    let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
    let now = time.now.timeIntervalSince1970
    var page = ""
    for (name, series) in families.sorted(by: { $0.key < $1.key }) {
      guard let type = series.values.first?.type else { continue }
      page += "# HELP \(name) \(name)\n# TYPE \(name) \(type)\n"
      for (labels, value) in series.sorted(by: { $0.key < $1.key }) {
        switch value {
        case .counter(let number), .gauge(let number):
          page += Self.line(name, labels, number)
        case .summary(let summary):
          let wanted = [0.5, 0.9, 0.99]
          for (quantile, number) in zip(wanted, summary.quantiles(wanted, at: now)) {
            let all = labels.isEmpty ? "quantile=\"\(quantile)\"" : "\(labels),quantile=\"\(quantile)\""
            page += Self.line(name, all, number)
          }
          page += Self.line(name + "_sum", labels, summary.sum)
          page += Self.line(name + "_count", labels, summary.count)
        }
      }
    }
    if dropped > 0 {
      let name = Self.name(prefix) + "_dropped_metrics"
      page += "# HELP \(name) Values of series beyond the limit.\n# TYPE \(name) counter\n"
      page += Self.line(name, "", dropped)
    }
    return page + ProcessMetrics.page()
  }

  private static func line(_ name: String, _ labels: String, _ value: Double) -> String {
    "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(GoText.float(value))\n"
  }
}
