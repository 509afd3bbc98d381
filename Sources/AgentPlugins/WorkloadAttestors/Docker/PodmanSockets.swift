/// Which socket answers for a container of Podman: the one of root, or that of the user whose rootless Podman runs it
/// (agent-plugins §6). A value.
struct PodmanSockets: Hashable, Sendable {
  static let defaultRootful = "unix:///run/podman/podman.sock"
  static let defaultTemplate = "unix:///run/user/%d/podman/podman.sock"

  private let rootful: DockerAddress
  /// What stands before and behind the user's number.
  private let template: [String]

  struct BadTemplate: Error, CustomStringConvertible {
    let why: String
    var description: String { "invalid podman_socket_path_template: \(why)" }
  }

  init(rootful: String = defaultRootful, template: String = defaultTemplate) throws {
    self.rootful = try DockerAddress(rootful)
    self.template = try Self.parse(template)
    do { _ = try address(uid: .max) } catch { throw BadTemplate(why: "\(error)") }
  }

  /// The socket to ask about a process with these cgroups; nil when Podman did not make them.
  func address(for cgroupPaths: [String]) throws -> (address: DockerAddress, isRootless: Bool)? {
    let paths = cgroupPaths.filter { $0.contains("libpod-") || $0.contains("/libpod/") }
    guard !paths.isEmpty else { return nil }
    guard let uid = paths.lazy.compactMap(Self.user).first else { return (rootful, false) }
    return (try address(uid: uid), true)
  }

  /// The user whose slice a cgroup is in: `/user.slice/user-1000.slice/…`.
  static func user(of path: String) -> UInt32? {
    for segment in path.utf8.split(separator: UInt8(ascii: "/")).dropLast() {
      guard segment.starts(with: "user-".utf8), segment.count > 11, segment.suffix(6).elementsEqual(".slice".utf8)
      else { continue }
      let digits = segment.dropFirst(5).dropLast(6)
      guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
      if let uid = UInt32(String(decoding: digits, as: UTF8.self)) { return uid }
    }
    return nil
  }

  private func address(uid: UInt32) throws -> DockerAddress {
    try DockerAddress(template.joined(separator: "\(uid)"))
  }

  private static func parse(_ text: String) throws(BadTemplate) -> [String] {
    var parts = [""]
    var rest = text[...]
    while let character = rest.popFirst() {
      guard character == "%" else {
        parts[parts.count - 1].append(character)
        continue
      }
      switch rest.popFirst() {
      case "%": parts[parts.count - 1].append("%")
      case "d": parts.append("")
      case .some(let other): throw BadTemplate(why: "unsupported verb %\(other); only %d, once, and %% are allowed")
      case nil: throw BadTemplate(why: "it ends in a lone %; write %% for a percent sign")
      }
    }
    guard parts.count == 2 else { throw BadTemplate(why: "it must contain %d exactly once, found \(parts.count - 1)") }
    return parts
  }
}
