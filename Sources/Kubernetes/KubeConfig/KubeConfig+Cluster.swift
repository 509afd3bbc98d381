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
    /// The server and the proxy as the file has them.
    let serverText: String
    let proxyText: String
    /// Nil for those of the environment.
    let proxies: HTTPProxies?
    /// What a plugin is told beside (`client.authentication.k8s.io/exec`).
    let pluginConfiguration: YAMLValue?

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
      serverText = server
      proxyText = try reading.text("proxy-url")
      do { proxies = proxyText.isEmpty ? nil : try HTTPProxies(always: proxyText) } catch {
        // The text may hold a password, so it is not told.
        throw Unusable("\(reading.what): invalid 'proxy-url': the proxy \(error)")
      }
      guard proxies == nil || self.server.scheme == .https else {
        throw Unusable("\(reading.what): server \(GoText.quote(server)) must be https where there is a proxy-url")
      }
      pluginConfiguration = try reading.extension("client.authentication.k8s.io/exec")
      authorities = try reading.content("certificate-authority")
      skipsVerification = try reading.bool("insecure-skip-tls-verify")
      guard !skipsVerification || authorities == nil else {
        throw Unusable(
          "\(reading.what): specifying a root certificates file with the insecure flag is not allowed")
      }
      let name = try reading.text("tls-server-name")
      serverName = name.isEmpty ? nil : name
    }

    /// The authorities' PEM text, if the file has any.
    func authoritiesText() throws -> [UInt8]? { try authorities?.bytes("certificate-authority") }

    func trust() throws -> ServerTrust {
      if skipsVerification { return .unverified }
      guard let authorities else { return .web(.system(environment: ProcessInfo.processInfo.environment)) }
      return .web(try WebRoots.only(der: authorities.pem(["CERTIFICATE"], "certificate-authority")))
    }
  }
}
