import Daemon
import HTTP
import Keys
import SPIFFE

/// The API server of the cluster that this process is in, with the pod's service account. A value; the token and the
/// cluster's authorities are read for each request, as Kubernetes replaces them.
package struct InClusterAccess: ClusterAccess {
  /// What a service account's folder holds.
  package struct Account: Sendable {
    let token: String
    let roots: WebRoots
  }

  /// Where a pod finds its service account.
  package static let folder = "/var/run/secrets/kubernetes.io/serviceaccount"
  static let maximumToken = 64 << 10

  private let base: WebURL
  private let proxies: HTTPProxies
  private let folder: String
  private let read: @Sendable (@escaping @Sendable () throws -> Account) async throws -> Account

  /// - Parameters:
  ///   - usesProxies: whether the server is reached through the proxies that `environment` names.
  ///   - folder: where the service account's token and the cluster's authorities are.
  ///   - read: where files are read.
  package init(
    environment: [String: String], usesProxies: Bool = false, folder: String = InClusterAccess.folder,
    read: @escaping @Sendable (@escaping @Sendable () throws -> Account) async throws -> Account = {
      try await BackgroundWork.run($0)
    }
  ) throws(APIServerFailure) {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else { throw .noCluster }
    do { base = try WebURL("https://\(host.contains(":") ? "[\(host)]" : host):\(port)") } catch {
      throw .unusable("the API server's URL of KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT \(error)")
    }
    proxies = usesProxies ? HTTPProxies(environment: environment) : .none
    self.folder = folder
    self.read = read
  }

  package func endpoint() async throws(APIServerFailure) -> ClusterEndpoint {
    let (tokenPath, authorityPath) = (folder + "/token", folder + "/ca.crt")
    do {
      let account = try await read {
        let authorities = try PEMFile.certificates(authorityPath, setting: "the cluster's authorities")
        return Account(token: try Self.token(tokenPath), roots: try WebRoots.only(der: authorities))
      }
      return ClusterEndpoint(
        base: base, route: .https(.web(account.roots)), proxies: proxies,
        headers: [HTTPField("Authorization", "Bearer " + account.token)])
    } catch {
      throw .unusable("\(error)")
    }
  }

  /// The token of a file.
  static func token(_ path: String) throws -> String {
    guard let token = try BoundedFile.read(path, limit: maximumToken) else {
      throw FileError(operation: "open", path: path, detail: "no such file or directory")
    }
    return OutsideText.trimmed(token)
  }
}
