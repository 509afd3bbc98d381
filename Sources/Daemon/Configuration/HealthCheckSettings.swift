package import HCL

/// The `health_checks` section as written.
package struct HealthChecksFile: Sendable {
  /// `listener_enabled`, default false.
  package var listenerEnabled: Bool?
  /// `bind_address`, default `localhost`.
  package var bindAddress: String?
  /// `bind_port`: text, so that a service name would do; default `80`.
  package var bindPort: String?
  /// `live_path`, default `/live`.
  package var livePath: String?
  /// `ready_path`, default `/ready`.
  package var readyPath: String?

  package init(_ section: inout HCLSection) {
    listenerEnabled = section.bool("listener_enabled")
    bindAddress = section.string("bind_address")
    bindPort = section.string("bind_port")
    livePath = section.string("live_path")
    readyPath = section.string("ready_path")
    section.reportUnknownKeys(as: "health check")
  }
}

/// The checked `health_checks` section: whether there is an HTTP listener, and what it answers on.
package struct HealthCheckSettings: Hashable, Sendable {
  package var isEnabled = false
  /// Without brackets around an IPv6 address.
  package var bindAddress = "localhost"
  package var bindPort = 80
  package var livePath = "/live"
  package var readyPath = "/ready"

  package init() {}

  package init(_ file: HealthChecksFile?, checks: inout ConfigurationChecks) {
    guard let file else { return }
    isEnabled = file.listenerEnabled ?? false
    var address = ConfigurationMerge.text("", file.bindAddress, default: "localhost")
    if address.hasPrefix("[") && address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
    bindAddress = address
    let port = ConfigurationMerge.text("", file.bindPort, default: "80")
    if let number = Int(port), (0...65535).contains(number) {
      bindPort = number
    } else {
      checks.fail("health_checks.bind_port \(GoText.quote(port)) is not a port", key: "health_checks.bind_port")
    }
    livePath = Self.path(ConfigurationMerge.text("", file.livePath, default: "/live"), "live_path", &checks)
    readyPath = Self.path(ConfigurationMerge.text("", file.readyPath, default: "/ready"), "ready_path", &checks)
    if livePath == readyPath && isEnabled {
      checks.fail("health_checks.live_path and ready_path must differ", key: "health_checks.ready_path")
    }
  }

  private static func path(_ path: String, _ key: String, _ checks: inout ConfigurationChecks) -> String {
    if !path.hasPrefix("/") {
      checks.fail("health_checks.\(key) \(GoText.quote(path)) must begin with a slash", key: "health_checks." + key)
    }
    return path
  }
}
