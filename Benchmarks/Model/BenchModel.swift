import FoundationEssentials
import Glibc
import Server

/// What the server's model of entries and agents costs in memory and time, without datastore and RPC, and what the steps
/// of listing entries cost. Prints one line of JSON. `Benchmarks/measure.py` runs it for its group `model`; run it alone:
/// `bench-model [entries]`.
@main struct BenchModel {
  static func main() async throws {
    let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 100_000
    var figures = try ModelFigures.many(entries: count, agents: max(1, count / 10))
    figures += try ModelFigures.upstreamsFixture(agents: max(1, count / 2))
    figures += try await ListingFigures.measure(entries: min(count, 20_000))
    print("{" + figures.map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", ") + "}")
  }
}

/// One result of a benchmark.
struct Figure {
  let name: String
  let value: Double

  init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// What a process uses.
enum Usage {
  /// Its processor time in seconds.
  static var cpu: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Its anonymous memory in bytes.
  static var memory: Int {
    guard let text = try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes * 1024
  }

  /// Processor time of one of many like steps, in microseconds: the middle of several rounds.
  static func microseconds(rounds: Int = 5, steps: Int, _ step: (Int) throws -> Void) rethrows -> Double {
    var times: [Double] = []
    for _ in 0..<rounds {
      let began = cpu
      for number in 0..<steps { try step(number) }
      times.append((cpu - began) / Double(steps) * 1e6)
    }
    return times.sorted()[rounds / 2]
  }
}
