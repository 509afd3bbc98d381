import HCL
import Plugins

/// The settings of the workload attestor `docker` (agent-plugins §6), checked. A value.
struct DockerConfiguration: Hashable, Sendable {
  static let defaultSocket = "unix:///var/run/docker.sock"

  /// `docker_socket_path`
  let docker: DockerAddress
  /// `docker_version`: the version of the engine's API; nil to agree upon one.
  let version: DockerAPIVersion?
  /// `podman_socket_path` and `podman_socket_path_template`
  let podman: PodmanSockets
  let locator: ContainerLocator.Options

  /// Reads `plugin_data`; a key that is not known is refused.
  init(_ data: PluginData) throws(AgentPluginError) {
    let attestor = "workloadattestor(docker)"
    do {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      let socket = root.string("docker_socket_path") ?? ""
      let version = root.string("docker_version") ?? ""
      let usesNewLocator = root.bool("use_new_container_locator") ?? true
      let matchers = root.strings("container_id_cgroup_matchers") ?? []
      let isVerbose = root.bool("verbose_container_locator_logs") ?? false
      let podman = root.string("podman_socket_path") ?? ""
      let template = root.string("podman_socket_path_template") ?? ""
      try ContainerAttestorData.refuseSigstore(&root, "docker")
      root.reportUnknownKeys(as: "plugin_data")
      try decoding.finish()
      try ContainerAttestorData.refuseUnknownKeys(decoding, "docker")
      docker = try DockerAddress(socket.isEmpty ? Self.defaultSocket : socket)
      self.version = version.isEmpty ? nil : try DockerAPIVersion(version)
      self.podman = try PodmanSockets(
        rootful: podman.isEmpty ? PodmanSockets.defaultRootful : podman,
        template: template.isEmpty ? PodmanSockets.defaultTemplate : template)
      locator = try ContainerLocator.Options(
        .docker, usesNewLocator: usesNewLocator, matchers: matchers, isVerbose: isVerbose)
    } catch let error as AgentPluginError {
      throw error
    } catch let error as HCLError {
      throw AgentPluginError(.invalidArgument, "\(attestor): unable to decode configuration: \(error)", cause: error)
    } catch {
      throw AgentPluginError(.invalidArgument, "\(attestor): \(error)", cause: error)
    }
  }
}
