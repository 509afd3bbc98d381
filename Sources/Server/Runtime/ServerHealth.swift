import Authority
import Daemon
import DatastoreAPI
import SPIFFE

/// The health checks of the server (server-behaviour §10.1). A value; the health checker asks.
struct ServerHealth {
  let parts: ServerParts

  var checks: [HealthCheck] {
    let parts = parts
    return [
      HealthCheck(name: "server") {
        .result("get_bundle_err", failure: await Self.bundleError(parts))
      },
      HealthCheck(name: "server.ca") {
        .result("sign_x509_svid_err", failure: await Self.signingError(parts))
      },
      HealthCheck(name: "server.ca.rotator") {
        .result("rotation_err", failure: parts.caManager.health.rotationError)
      },
      HealthCheck(name: "catalog.datastore") {
        .result("list_bundle_err", failure: await Self.datastoreError(parts))
      },
    ]
  }

  private static func bundleError(_ parts: ServerParts) async -> String? {
    do {
      return try await parts.bundles.bundle(of: parts.trustDomain) == nil ? "bundle not found" : nil
    } catch {
      return "\(error)"
    }
  }

  /// Signs an SVID for the server's own key and throws it away.
  private static func signingError(_ parts: ServerParts) async -> String? {
    do {
      guard let leaf = parts.serverSVID.current.chain.first else { return "the server has no SVID" }
      let key = try X509Certificates.publicKey(of: try X509Certificates.parse(der: leaf))
      _ = try await parts.authority.issueServerSVID(publicKey: key)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private static func datastoreError(_ parts: ServerParts) async -> String? {
    do {
      _ = try await parts.datastore.countBundles()
      return nil
    } catch {
      return error.message
    }
  }
}
