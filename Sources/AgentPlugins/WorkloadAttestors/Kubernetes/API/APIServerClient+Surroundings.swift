import Kubernetes

extension APIServerClient {
  /// The API server of the cluster that the agent is in, asked with the agent's service account.
  init(_ surroundings: KubernetesSurroundings) throws(APIServerFailure) {
    let queue = surroundings.queue
    self.init(
      try InClusterAccess(environment: surroundings.environment, folder: surroundings.serviceAccount) {
        try await queue.run($0)
      })
  }
}
