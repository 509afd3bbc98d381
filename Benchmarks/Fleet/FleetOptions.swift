/// What `spire-fleet` was asked for on its command line: `-name value`.
struct FleetOptions {
  private var values: [String: String] = [:]

  init(_ arguments: some Sequence<String>) {
    var name: String?
    for argument in arguments {
      if let known = name {
        values[known] = argument
        name = nil
      } else {
        name = String(argument.drop { $0 == "-" })
      }
    }
  }

  func text(_ name: String, _ standard: String = "") -> String { values[name] ?? standard }
  func integer(_ name: String, _ standard: Int) -> Int { values[name].flatMap { Int($0) } ?? standard }
  func number(_ name: String, _ standard: Double) -> Double { values[name].flatMap { Double($0) } ?? standard }

  /// Agents in the fleet. Their join tokens, `fleet-1` and so on, are in the datastore.
  var agents: Int { integer("agents", 1000) }
  /// Entries of each agent.
  var entries: Int { integer("entries", 10) }
  /// Seconds between two syncs of an agent.
  var interval: Double { number("interval", 5) }
  /// The server's TCP port on 127.0.0.1.
  var port: Int { integer("port", 8081) }
  var adminSocket: String { text("admin") }
  /// Whether the agents hold the server's watch stream instead of polling.
  var watches: Bool { text("mode") == "watch" }
}
