import Foundation
import Mutations
import Plugins
import Testing

@testable import AgentPlugins

/// What the docker attestor's `plugin_data` may say, and the parser of the engine's answers on bytes that no engine sends.
@Suite struct DockerConfigurationTests {
  private func configuration(_ text: String) throws -> DockerConfiguration {
    try DockerConfiguration(PluginData(text: text))
  }

  @Test func everythingHasItsDefault() throws {
    for text in ["", "docker_socket_path = \"\"\ndocker_version = \"\"\npodman_socket_path = \"\""] {
      let found = try configuration(text)
      #expect(found.docker.description == "unix:///var/run/docker.sock")
      #expect(found.version == nil)
      #expect(found.locator.rules == .current && !found.locator.isVerbose)
      #expect(try found.podman == PodmanSockets())
    }
  }

  @Test func everyKeyIsRead() throws {
    let found = try configuration(
      """
      docker_socket_path = "tcp://127.0.0.1:2375"
      docker_version = "1.44"
      use_new_container_locator = false
      container_id_cgroup_matchers = ["/docker/<id>"]
      verbose_container_locator_logs = true
      podman_socket_path = "unix:///p.sock"
      podman_socket_path_template = "unix:///100%%/%d/p.sock"
      """)
    #expect(found.docker.description == "tcp://127.0.0.1:2375")
    #expect(found.version?.description == "1.44")
    #expect(found.locator.isVerbose && found.locator.rules != .current)
    let rootless = try found.podman.address(for: ["/user.slice/user-7.slice/libpod-x"])
    #expect(rootless?.address.description == "unix:///100%/7/p.sock" && rootless?.isRootless == true)
    #expect(try found.podman.address(for: ["/libpod/x"])?.address.description == "unix:///p.sock")
    #expect(try found.podman.address(for: ["/docker/x"]) == nil)
  }

  @Test(arguments: [
    ("zebra = 1\napple = 2", "unknown configurations detected: apple,zebra"),
    ("docker_host = \"npipe:////./pipe/docker_engine\"", "unknown configurations detected: docker_host"),
    ("sigstore { ignore_tlog = true }", "sigstore: signatures of container images are not verified by this version"),
    ("sigstore {}", "sigstore: signatures of container images are not verified by this version"),
    ("docker_socket_path = \"/var/run/docker.sock\"", "unable to parse docker host `/var/run/docker.sock`"),
    ("docker_socket_path = \"unix://\"", "unable to parse docker host `unix://`"),
    ("podman_socket_path = \"ssh://x\"", "unable to parse docker host `ssh://x`"),
    ("docker_version = \"latest\"", "\"latest\" is not a version of the Docker Engine API"),
    ("podman_socket_path_template = \"unix:///run/podman.sock\"", "invalid podman_socket_path_template: "),
    ("podman_socket_path_template = \"unix:///%d/%d\"", "invalid podman_socket_path_template: "),
    ("podman_socket_path_template = \"unix:///%s\"", "invalid podman_socket_path_template: "),
    ("podman_socket_path_template = \"unix:///%d%\"", "invalid podman_socket_path_template: "),
    ("podman_socket_path_template = \"/run/%d\"", "invalid podman_socket_path_template: "),
    ("container_id_cgroup_matchers = [\"/docker/<id>\"]", "the new container locator and custom cgroup matchers"),
    ("use_new_container_locator = [1]", "unable to decode configuration: "),
    ("= 1", "unable to decode configuration: "),
  ])
  func whatCannotBeUsedIsRefused(_ text: String, _ message: String) {
    let error = #expect(throws: AgentPluginError.self) { try configuration(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasPrefix("workloadattestor(docker): \(message)") == true, "\(error?.message ?? "")")
  }

  @Test(
    arguments: [
      ("/user.slice/user-1000.slice/x", 1000), ("/user.slice/user-4294967295.slice/x", 4_294_967_295),
      ("/user.slice/user-4294967296.slice/x", nil), ("/user.slice/user-.slice/x", nil),
      ("/user.slice/user-10a.slice/x", nil), ("/a/user-1000.slice", nil), ("/xuser-1000.slice/x", nil),
    ] as [(String, UInt32?)])
  func userOfACgroup(_ path: String, _ uid: UInt32?) { #expect(PodmanSockets.user(of: path) == uid) }

  @Test func corpusSaysWhoRunsPodman() throws {
    for sample in ContainerCorpus.all {
      let paths = (try? CgroupFile.paths(parsing: sample.bytes("cgroup"))) ?? []
      let found = try PodmanSockets().address(for: paths)
      let text =
        switch found {
        case nil: "none"
        case (_, false)?: "rootful"
        case (let address, true)?: "rootless \(address.description.filter(\.isNumber))"
        }
      #expect(text == sample.expected["podman"], "\(sample.name)")
    }
  }

  @Test func changedAnswersAreReadOrRefused() {
    let good = """
      {"Image":"sha256:1","Config":{"Image":"a","Env":["A=1",null],"Labels":{"a":"b","c":null}},"message":"x"}
      """
    for bytes in Mutations(of: good, count: 2000) {
      if let container = try? DockerContainer(parsing: bytes) { #expect(container.labels.count <= 2) }
      _ = try? DockerContainer.imageID(parsing: bytes)
      #expect(DockerContainer.message(parsing: bytes)?.unicodeScalars.allSatisfy { $0.value >= 0x20 } ?? true)
    }
  }
}
