/// Which container a process runs in, as far as the kernel says. A value that ``ContainerLocator`` makes.
package struct ContainerLocation: Hashable, Sendable {
  /// The runtime's id: 64 hexadecimal digits. Nil for a process outside of containers.
  package var containerID: String?
  /// The Kubernetes pod's UID with dashes. Only looked for on behalf of the attestor `k8s`.
  package var podUID: String?
  /// The paths of `/proc/<pid>/cgroup`, in the order of the file.
  package var cgroupPaths: [String]

  package init(containerID: String? = nil, podUID: String? = nil, cgroupPaths: [String] = []) {
    self.containerID = containerID
    self.podUID = podUID
    self.cgroupPaths = cgroupPaths
  }
}
