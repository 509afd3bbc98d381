import HCL
import Plugins

/// The configuration of the agent's node attestor `x509pop` (agent-plugins §1). A value.
struct X509PoPSettings: Hashable, Sendable {
  enum Source: Hashable, Sendable {
    /// PEM files; `intermediates` is empty for none.
    case files(key: String, certificate: String, intermediates: String)
    /// The address of a Workload API.
    case workloadAPI(String)
  }

  let source: Source

  init(_ data: PluginData, _ identities: any WorkloadIdentitySource) throws(AgentPluginError) {
    var reading = try NodeAttestorSettings(data, of: X509PoPAttestor.pluginName)
    let key = reading.root.string("private_key_path") ?? ""
    let certificate = reading.root.string("certificate_path") ?? ""
    var intermediates = reading.root.string("intermediates_path") ?? ""
    let socket = reading.root.string("spiffe_endpoint_socket") ?? ""
    if intermediates.allSatisfy(\.isWhitespace) { intermediates = "" }
    if socket.isEmpty {
      if key.isEmpty { reading.report("private_key_path is required") }
      if certificate.isEmpty { reading.report("certificate_path is required") }
      source = .files(key: key, certificate: certificate, intermediates: intermediates)
    } else {
      do { try identities.check(socket) } catch { reading.report("spiffe_endpoint_socket: \(error)") }
      source = .workloadAPI(socket)
    }
    try reading.finish()
  }
}
