import HCL
import Plugins

/// The configuration of the plugin `spire` (server-plugins §3). A value; everything that is wrong is said at once.
struct SPIREUpstreamSettings: Equatable, Sendable {
  let server: UpstreamServerAddress
  /// The path of the Workload API's socket.
  let socket: String

  init(_ data: PluginData) throws {
    let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    var root = decoding.root
    let host = root.string("server_address") ?? ""
    let port = root.string("server_port") ?? ""
    var socket = root.string("workload_api_socket") ?? ""
    var experimental = root.section("experimental")
    let requiresPostQuantum = experimental?.bool("require_pq_kem") ?? false
    try decoding.finish()

    var problems: [String] = []
    if host.isEmpty { problems.append("server_address is required: the host name or address of the upstream server") }
    let number = Int(port).flatMap { (1...65535).contains($0) ? $0 : nil }
    if port.isEmpty {
      problems.append("server_port is required: the port of the upstream server")
    } else if number == nil {
      problems.append("server_port must be a port number, not \"\(port)\"")
    }
    if socket.hasPrefix("unix:") {
      socket = String(socket.dropFirst("unix:".count))
      if socket.hasPrefix("//") { socket = String(socket.dropFirst(2)) }
    }
    if socket.isEmpty {
      problems.append(
        "workload_api_socket is required: the path of the socket of an agent that belongs to the upstream server")
    }
    guard problems.isEmpty, let number else {
      throw ServerPluginError(.invalidArgument, problems.joined(separator: "; "))
    }
    self.socket = socket
    server = UpstreamServerAddress(host: host, port: number, requiresPostQuantum: requiresPostQuantum)
  }
}
