import Keys

/// An API server as a kubeconfig file says. A value; the file, and those that it names, are read for each request, as
/// upstream makes a client for each.
package struct KubeConfigAccess: ClusterAccess {
  private let path: String

  package init(path: String) { self.path = path }

  package func endpoint() async throws(APIServerFailure) -> ClusterEndpoint {
    do {
      let path = path
      return try await BackgroundWork.run { try KubeConfig.read(path).endpoint() }
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
