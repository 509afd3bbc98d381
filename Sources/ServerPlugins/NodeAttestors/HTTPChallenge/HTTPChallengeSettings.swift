import Daemon
import HCL
import Plugins

/// The configuration of the node attestor `http_challenge` (server-plugins §4.3). A value.
struct HTTPChallengeSettings: Sendable {
  /// Empty: any host.
  let patterns: [LinearPattern]
  let requiredPort: Int?
  let allowsOtherPorts: Bool
  /// Whether a host attests only once.
  let trustsFirstUseOnly: Bool

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    var patterns: [LinearPattern] = []
    for text in reading.root.strings("allowed_dns_patterns") ?? [] {
      do { patterns.append(try LinearPattern(text)) } catch {
        reading.report("cannot compile allowed_dns_pattern: \(GoText.quote(text)), \(error)")
      }
    }
    let port = reading.root.int("required_port")
    let others = reading.root.bool("allow_non_root_ports")
    let tofu = reading.root.bool("tofu") ?? true
    // SPIRE: a port that anybody on the node may open proves little, so the first agent there stays the only one.
    let anyoneMayAnswer = port.map { $0 >= 1024 } ?? (others ?? true)
    if !tofu && anyoneMayAnswer {
      reading.report("you can not turn off trust on first use (TOFU) when non-root ports are allowed")
    }
    try reading.finish()
    self.patterns = patterns
    requiredPort = port
    allowsOtherPorts = others ?? true
    trustsFirstUseOnly = tofu
  }
}
