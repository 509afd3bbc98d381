import Foundation

/// The tables of docs/telemetry.md: what the two daemons report.
package struct MetricsPage {
  /// One metric of a table; names in braces are one each.
  package struct Row: Hashable, Sendable {
    /// `call`, `counter`, `gauge` or `sample`.
    package let type: String
    /// With dots, without the daemon's prefix.
    package let name: String
    /// Beside `status` of a call.
    package let labels: [String]

    package init(type: String, name: String, labels: [String]) {
      self.type = type
      self.name = name
      self.labels = labels
    }
  }

  package let rows: [Row]

  /// - Parameter program: `spire-server` or `spire-agent`; what both report is in it, too.
  package init(_ program: String) throws {
    let text = try String(contentsOfFile: Self.root + "/docs/telemetry.md", encoding: .utf8)
    var heading = ""
    var rows: [Row] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#") { heading = line.drop { $0 == "#" || $0 == " " }.description }
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard heading == program || heading == "Both", cells.count == 6,
        ["call", "counter", "gauge", "sample"].contains(cells[1])
      else { continue }
      let labels = cells[3].split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
      let names = Self.expand(cells[2].trimmingCharacters(in: CharacterSet(charactersIn: "`")))
      rows += names.map { Row(type: cells[1], name: $0, labels: labels.sorted()) }
    }
    self.rows = rows
  }

  /// `a.{b,c}.d`: `a.b.d` and `a.c.d`.
  static func expand(_ name: String) -> [String] {
    guard let open = name.firstIndex(of: "{"), let close = name[open...].firstIndex(of: "}") else { return [name] }
    return name[name.index(after: open)..<close].split(separator: ",").flatMap { choice in
      expand(String(name[..<open]) + String(choice) + String(name[name.index(after: close)...]))
    }
  }

  /// The names under which Prometheus shows a metric, without those that it derives from one (`_sum`, `_count`).
  package func prometheusNames(prefix: String) -> Set<String> {
    Set(
      rows.flatMap { row in
        let name = prefix + "_" + row.name.replacingOccurrences(of: ".", with: "_")
        return row.type == "call" ? [name, name + "_elapsed_time"] : [name]
      })
  }

  fileprivate static var root: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
  }
}

/// A dashboard of Deploy/grafana.
package struct Dashboard {
  /// The queries of its panels and variables.
  package let queries: [String]

  /// - Parameter name: `spire-server`
  package init(_ name: String) throws {
    let path = MetricsPage.root + "/Deploy/grafana/\(name).json"
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
    var queries: [String] = []
    func collect(_ value: Any) {
      if let object = value as? [String: Any] {
        for (key, value) in object {
          if let text = value as? String, key == "expr" || key == "query", text != "prometheus" { queries.append(text) }
          collect(value)
        }
      } else if let list = value as? [Any] {
        list.forEach(collect)
      }
    }
    collect(document)
    self.queries = queries.sorted()
  }

  /// The metrics that it asks for, without `_sum` and `_count` of samples.
  package func metrics(prefix: String) -> Set<String> {
    var names: Set<String> = []
    let expression = try? NSRegularExpression(pattern: "\\b(\(prefix)|process)_[A-Za-z0-9_:]+")
    for query in queries {
      let range = NSRange(query.startIndex..., in: query)
      for match in expression?.matches(in: query, range: range) ?? [] {
        guard let place = Range(match.range, in: query) else { continue }
        var name = String(query[place])
        for suffix in ["_elapsed_time", "_selectors"] {
          for derived in ["_sum", "_count"] where name.hasSuffix(suffix + derived) { name.removeLast(derived.count) }
        }
        names.insert(name)
      }
    }
    return names
  }

  /// What every process shows.
  package static let processMetrics: Set<String> = [
    "process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes", "process_virtual_memory_bytes",
  ]
}
