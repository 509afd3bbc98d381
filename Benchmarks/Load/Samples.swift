/// Latencies of calls that succeeded, and why the others did not.
struct Samples {
  /// Nanoseconds.
  var latencies: [Int] = []
  var failures: [String: Int] = [:]
  var reconnections = 0

  mutating func add(_ other: Samples) {
    latencies += other.latencies
    failures.merge(other.failures, uniquingKeysWith: +)
    reconnections += other.reconnections
  }

  mutating func fail(_ why: String) { failures[why, default: 0] += 1 }

  /// One line of JSON.
  func report(nanoseconds: Int, cpu: Int) -> String {
    let sorted = latencies.sorted()
    func microseconds(_ share: Double) -> Double {
      guard !sorted.isEmpty else { return 0 }
      return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1000
    }
    let seconds = Double(nanoseconds) / 1e9
    let failed = failures.values.reduce(0, +)
    var fields: [(String, String)] = [
      ("calls", "\(sorted.count)"), ("failed", "\(failed)"), ("seconds", "\(seconds)"),
      ("rate", "\(Double(sorted.count) / max(seconds, 1e-9))"),
      ("p50_us", "\(microseconds(0.5))"), ("p90_us", "\(microseconds(0.9))"), ("p99_us", "\(microseconds(0.99))"),
      ("max_us", "\(microseconds(1))"), ("cpu_us", "\(Double(cpu) / 1000 / Double(max(1, sorted.count + failed)))"),
    ]
    fields.append(("reconnections", "\(reconnections)"))
    let reasons = failures.sorted { $0.key < $1.key }.map { "\(Self.quote($0.key)):\($0.value)" }
    return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
      + ",\"failures\":{\(reasons.joined(separator: ","))}}"
  }

  private static func quote(_ text: String) -> String {
    let safe = text.unicodeScalars.map { $0.value < 32 || $0 == "\"" || $0 == "\\" ? "?" : String($0) }
    return "\"" + safe.joined() + "\""
  }
}
