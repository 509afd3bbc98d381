import Daemon
import Logging
import SPIFFE
import Synchronization

/// The one page of the bundle endpoint. Anybody may ask for it as often as they like, so it is written once per bundle. Any
/// thread; a mutex guards the last one.
final class BundlePage: Sendable {
  private let trustDomain: TrustDomain
  private let bundles: BundleCache
  private let refreshHint: Int64
  private let logger: Logger
  private let written = Mutex<(bundle: Bundle, text: String)?>(nil)

  init(trustDomain: TrustDomain, bundles: BundleCache, refreshHint: Int64, logger: Logger) {
    self.trustDomain = trustDomain
    self.bundles = bundles
    self.refreshHint = refreshHint
    self.logger = logger
  }

  func answer(_ request: HTTPListener.Request) async -> HTTPListener.Response {
    // In this order.
    guard request.method == "GET" else { return Self.text(405, "405 method not allowed\n") }
    guard request.path == "/" else { return Self.text(404, "404 page not found\n") }
    do {
      guard let bundle = try await bundles.bundle(of: trustDomain) else {
        throw ServerError(.bundleEndpoint, "the trust domain has no bundle")
      }
      return HTTPListener.Response(status: 200, contentType: "application/json", body: try text(of: bundle))
    } catch {
      logger.error("Unable to retrieve local bundle", metadata: ["error": "\(error)"])
      return Self.text(500, "500 unable to retrieve local bundle\n")
    }
  }

  private func text(of bundle: Bundle) throws -> String {
    if let known = written.withLock({ $0 }), known.bundle == bundle { return known.text }
    let text = try BundleDocument.encode(bundle, refreshHint: refreshHint)
    written.withLock { $0 = (bundle, text) }
    return text
  }

  private static func text(_ status: Int, _ body: String) -> HTTPListener.Response {
    HTTPListener.Response(status: status, contentType: "text/plain; charset=utf-8", body: body)
  }
}
