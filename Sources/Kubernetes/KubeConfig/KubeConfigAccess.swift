import HTTP
import Keys

/// An API server as a kubeconfig file says. A value; the file, and those that it names, are read for each request, as
/// upstream makes a client for each. Its plugin is run by `plugins`, which remembers what it said.
package struct KubeConfigAccess: ClusterAccess {
  private let path: String
  private let proxies: HTTPProxies
  private let plugins: ExecPlugins

  /// - Parameter plugins: who runs the file's plugin, with whose environment; the proxies of that environment count.
  package init(path: String, plugins: ExecPlugins) {
    self.path = path
    self.plugins = plugins
    proxies = HTTPProxies(environment: plugins.environment)
  }

  package func endpoint() async throws(APIServerFailure) -> ClusterEndpoint {
    do {
      let (path, proxies, plugins) = (path, proxies, plugins)
      let (config, execution) = try await BackgroundWork.run {
        let config = try KubeConfig.read(path)
        return (config, try config.execution())
      }
      guard let execution else { return try await BackgroundWork.run { try config.endpoint(proxies: proxies) } }
      let (credential, run) = try await plugins.credential(execution)
      return try await BackgroundWork.run {
        try config.endpoint(credential, proxies: proxies) { await plugins.refused(run, execution) }
      }
    } catch {
      throw .unusable("\(error)")
    }
  }

  /// Whether the file asks for a server that proves nothing. False where it cannot be read.
  package var skipsVerification: Bool {
    get async {
      let path = path
      return await (try? BackgroundWork.run { try KubeConfig.read(path).cluster.skipsVerification }) ?? false
    }
  }
}
