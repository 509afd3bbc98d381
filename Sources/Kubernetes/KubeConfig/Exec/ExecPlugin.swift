import Daemon
import SPIFFE

/// The `exec` of a kubeconfig's user: a program that makes credentials, as the operator's own file names it. A value; its
/// environment may hold secrets, never printed.
struct ExecPlugin: Hashable, Sendable {
  /// The versions of the messages that such a program and its caller exchange.
  enum Version: String, Sendable {
    case v1 = "client.authentication.k8s.io/v1"
    case v1beta1 = "client.authentication.k8s.io/v1beta1"
  }

  /// One way of running it; equal ones get the same credentials.
  struct Execution: Hashable, Sendable {
    let plugin: ExecPlugin
    /// What it is told (`KUBERNETES_EXEC_INFO`).
    let information: String
  }

  struct Variable: Hashable, Sendable {
    let name: String
    let value: String
  }

  /// A path, or a name to look for in `PATH`.
  let command: String
  let arguments: [String]
  let variables: [Variable]
  let version: Version
  let installHint: String
  private let wantsClusterInfo: Bool

  init(_ reading: KubeConfigReading, user: String) throws(KubeConfig.Unusable) {
    command = try reading.program("command")
    guard !command.isEmpty else {
      throw .init("command must be specified for \(user) to use exec authentication plugin")
    }
    let version = try reading.text("apiVersion")
    guard !version.isEmpty else {
      throw .init("apiVersion must be specified for \(user) to use exec authentication plugin")
    }
    guard let version = Version(rawValue: version) else {
      throw .init("exec plugin: invalid apiVersion \(GoText.quote(version))")
    }
    self.version = version
    arguments = try reading.texts("args")
    var variables: [Variable] = []
    for variable in try reading.sections("env") {
      let name = try variable.text("name")
      guard !name.isEmpty, !name.contains("=") else {
        throw .init("env variable name must be specified for \(user) to use exec authentication plugin")
      }
      variables.append(Variable(name: name, value: try variable.text("value")))
    }
    self.variables = variables
    installHint = try reading.text("installHint")
    wantsClusterInfo = try reading.bool("provideClusterInfo")
    guard !([command] + arguments + variables.flatMap { [$0.name, $0.value] }).contains(where: { $0.contains("\0") })
    else { throw .init("\(reading.what) has a NUL byte") }
    switch try reading.text("interactiveMode") {
    case "Never", "IfAvailable": break
    case "" where version == .v1beta1: break
    case "": throw .init("interactiveMode must be specified for \(user) to use exec authentication plugin")
    case "Always": throw .init("exec plugin cannot support interactive mode: standard input is unavailable")
    case let other: throw .init("invalid interactiveMode for \(user): \(GoText.quote(other))")
    }
  }

  /// Reads the files that the cluster names, where the program is to be told.
  func execution(for cluster: KubeConfig.Cluster) throws -> Execution {
    var spec = JSONObject()
    if wantsClusterInfo { spec["cluster"] = try Self.information(of: cluster) }
    spec["interactive"] = false
    let message: JSONValue = [
      "kind": "ExecCredential", "apiVersion": .string(version.rawValue), "spec": .object(spec),
    ]
    return Execution(plugin: self, information: message.text())
  }

  private static func information(of cluster: KubeConfig.Cluster) throws -> JSONValue {
    var members: JSONObject = ["server": .string(cluster.serverText)]
    if let name = cluster.serverName { members["tls-server-name"] = .string(name) }
    if cluster.skipsVerification { members["insecure-skip-tls-verify"] = true }
    if let text = try cluster.authoritiesText() {
      members["certificate-authority-data"] = .string(Base64.encode(text))
    }
    if !cluster.proxyText.isEmpty { members["proxy-url"] = .string(cluster.proxyText) }
    members["config"] = cluster.pluginConfiguration?.json ?? .null
    return .object(members)
  }
}

extension YAMLValue {
  /// The same as JSON. What stands there without quotes is a bool, a number or nothing where it reads so.
  fileprivate var json: JSONValue {
    switch self {
    case .null: .null
    case .text("true", isPlain: true): true
    case .text("false", isPlain: true): false
    case .text(let text, isPlain: true): Int64(text).map { .int($0) } ?? .string(text)
    case .text(let text, _): .string(text)
    case .list(let items): .array(items.map(\.json))
    case .map(let members):
      .object(JSONObject(members.map { JSONObject.Member(name: $0.name, value: $0.value.json) }))
    }
  }
}
