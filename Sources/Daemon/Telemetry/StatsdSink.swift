/// Writes metrics as StatsD's lines, or DogStatsD's, as go-metrics and Datadog's client do, and leaves them in a queue that
/// a ``DatagramReporter`` sends. Safe from any thread.
package struct StatsdSink: MetricsSink {
  /// How labels are written.
  package enum Dialect: Sendable {
    /// Their values are further parts of the name.
    case statsd
    /// As tags. `global` ones come first, on each line.
    case dogStatsd(global: [String])

    /// The most bytes of a packet: what the two clients send.
    var packetSize: Int {
      switch self {
      case .statsd: 1400
      case .dogStatsd: 1432
      }
    }
  }

  package let queue: LineQueue
  private let dialect: Dialect

  package init(_ dialect: Dialect) {
    self.dialect = dialect
    queue = LineQueue(packetSize: dialect.packetSize)
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    switch dialect {
    case .statsd: add(key, GoText.fixed(value, decimals: 6), "c", labels)
    // Counts are whole there.
    case .dogStatsd: add(key, Int64(exactly: value.rounded(.towardZero)).map { "\($0)" } ?? "0", "c", labels)
    }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    switch dialect {
    case .statsd: add(key, GoText.fixed(value, decimals: 6), "g", labels)
    case .dogStatsd: add(key, GoText.float(value), "g", labels)
    }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    add(key, GoText.fixed(value, decimals: 6), "ms", labels)
  }

  private func add(_ key: [String], _ value: String, _ type: String, _ labels: [MetricLabel]) {
    switch dialect {
    case .statsd:
      let name = Self.clean((key + labels.map(\.value)).joined(separator: "."))
      queue.add("\(name):\(value)|\(type)\n")
    case .dogStatsd(let global):
      let tags =
        global
        + labels.map { label in
          label.value.isEmpty ? Self.clean(label.name) : "\(Self.clean(label.name)):\(Self.clean(label.value))"
        }
      let list = tags.isEmpty ? "" : "|#" + tags.joined(separator: ",")
      queue.add("\(Self.clean(key.joined(separator: "."))):\(value)|\(type)\(list)\n")
    }
  }

  /// Replaces what would end a name: colons and spaces as both clients do; bars, commas and line ends, too, so that no
  /// name can bring another metric along.
  private static func clean(_ text: String) -> String {
    let ends: Set<UInt8> = [0x20, UInt8(ascii: ":"), UInt8(ascii: "|"), UInt8(ascii: ","), 0x0A, 0x0D]
    guard text.utf8.contains(where: ends.contains) else { return text }
    return String(decoding: text.utf8.map { ends.contains($0) ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }
}
