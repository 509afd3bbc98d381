import Daemon
import HTTP
import Keys
import SPIFFE

/// A kubeconfig file: of its clusters and users those that its current context names. A value; holds secrets, never printed.
///
/// What is read is what client-go reads (`k8s.io/client-go/tools/clientcmd`). What this program does not do (`auth-provider`) is
/// refused by name: without it, the API server would be asked as somebody else.
struct KubeConfig: Sendable {
  /// Why a file is of no use.
  struct Unusable: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }

  static let maximumSize = YAMLReader.maximumSize

  let cluster: Cluster
  let user: User

  /// Reads a file, and no other file that it names.
  static func read(_ path: String) throws -> KubeConfig {
    guard let bytes = try BoundedFile.read(path, limit: maximumSize) else {
      throw FileError(operation: "open", path: path, detail: "no such file or directory")
    }
    // Paths inside are relative to the file, as kubectl takes them.
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    do { return try KubeConfig(bytes, folder: folder) } catch {
      throw Unusable("error loading config file \(GoText.quote(path)): \(error)")
    }
  }

  /// - Parameter folder: where relative paths begin; empty or with a slash at its end.
  init(_ bytes: [UInt8], folder: String) throws {
    let document = try YAMLReader.parse(bytes)
    guard case .map = document else { throw Unusable("it is \(document.kind), not a map") }
    let root = KubeConfigReading(document, "the file", folder: folder)
    let current = try root.text("current-context")
    guard !current.isEmpty else {
      throw Unusable("invalid configuration: no configuration has been provided, as current-context is not set")
    }
    guard let context = try root.named(current, in: "contexts", holding: "context") else {
      throw Unusable("context \(GoText.quote(current)) does not exist")
    }
    let clusterName = try context.text("cluster")
    guard let cluster = try root.named(clusterName, in: "clusters", holding: "cluster") else {
      throw Unusable("cluster \(GoText.quote(clusterName)) does not exist")
    }
    self.cluster = try Cluster(cluster)
    let userName = try context.text("user")
    if userName.isEmpty {
      user = User()
    } else {
      guard let user = try root.named(userName, in: "users", holding: "user") else {
        throw Unusable("auth info \(GoText.quote(userName)) does not exist")
      }
      self.user = try User(user, userName)
    }
  }

  /// What it takes to ask the cluster now; reads the files that this one names.
  ///
  /// - Parameter credential: what the user's plugin said, if it has one that is needed.
  func endpoint(
    _ credential: ExecCredential? = nil, proxies: HTTPProxies = .none, refused: (@Sendable () async -> Bool)? = nil
  ) throws -> ClusterEndpoint {
    guard user.plugin == nil || credential != nil else { throw Unusable("the user's plugin was not asked") }
    let headers = try user.headers(credential)
    let proxies = cluster.proxies ?? proxies
    guard cluster.server.scheme == .https else {
      return ClusterEndpoint(
        base: cluster.server, route: .plain, proxies: proxies, headers: headers, refused: refused)
    }
    var security = HTTPSecurity(try cluster.trust(), identity: try user.identity() ?? credential?.identity)
    security.serverName = cluster.serverName
    return ClusterEndpoint(
      base: cluster.server, route: .https(security), proxies: proxies, headers: headers, refused: refused)
  }

  /// The run of a plugin that makes the user's credentials; nil if the file has them.
  func execution() throws -> ExecPlugin.Execution? { try user.plugin?.execution(for: cluster) }
}

/// Text that a file holds itself, or the path of another file that does.
enum KubeConfigText: Sendable {
  case inline([UInt8])
  case file(String)

  /// The text itself.
  func bytes(_ setting: String) throws -> [UInt8] {
    switch self {
    case .inline(let found): return found
    case .file(let path):
      guard let found = try BoundedFile.read(path, limit: KubeConfig.maximumSize) else {
        throw KubeConfig.Unusable("unable to read \(setting) \(path): no such file or directory")
      }
      return found
    }
  }

  /// The PEM blocks of these types, at least one. DER.
  func pem(_ types: [String], _ setting: String) throws -> [[UInt8]] {
    let place =
      switch self {
      case .inline: setting + "-data"
      case .file(let path): "\(setting) \(path)"
      }
    guard let text = String(validating: try bytes(setting), as: UTF8.self) else {
      throw KubeConfig.Unusable("\(place) is not PEM text")
    }
    return try Self.pem(text, types, place)
  }

  static func pem(_ text: String, _ types: [String], _ place: String) throws -> [[UInt8]] {
    let found = try PEM.decode(text).filter { types.contains($0.type) }.map(\.der)
    guard !found.isEmpty else {
      throw KubeConfig.Unusable("\(place) has no PEM block \(types.joined(separator: " or "))")
    }
    return found
  }
}
