import Daemon
import FoundationEssentials
import HTTP

extension KubeConfig {
  /// Where a cluster's API server is, and whom to believe there.
  struct Cluster: Sendable {
    let server: WebURL
    /// Nil for the system's.
    let authorities: KubeConfigText?
    let skipsVerification: Bool
    /// The name that the server must prove, where it is not the URL's host.
    let serverName: String?

    init(_ reading: KubeConfigReading) throws {
      let server = try reading.text("server")
      guard !server.isEmpty else { throw Unusable("no server found for \(reading.what)") }
      do { self.server = try WebURL(anyScheme: server) } catch {
        throw Unusable("\(reading.what): server \(GoText.quote(server)) \(error)")
      }
      guard self.server.scheme == .https || ["127.0.0.1", "::1", "localhost"].contains(self.server.host) else {
        // Whoever stands on the way would say who is authenticated.
        throw Unusable("\(reading.what): server \(GoText.quote(server)) must be https, or on this host")
      }
      guard try reading.text("proxy-url").isEmpty else {
        throw Unusable("\(reading.what): proxy-url is not supported; the API server must be reached without a proxy")
      }
      authorities = try reading.content("certificate-authority")
      skipsVerification = try reading.bool("insecure-skip-tls-verify")
      guard !skipsVerification || authorities == nil else {
        throw Unusable(
          "\(reading.what): specifying a root certificates file with the insecure flag is not allowed")
      }
      let name = try reading.text("tls-server-name")
      serverName = name.isEmpty ? nil : name
    }

    func trust() throws -> ServerTrust {
      if skipsVerification { return .unverified }
      guard let authorities else { return .web(.system(environment: ProcessInfo.processInfo.environment)) }
      return .web(try WebRoots.only(der: authorities.pem(["CERTIFICATE"], "certificate-authority")))
    }
  }
}
