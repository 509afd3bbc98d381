package import Console
import Flags
package import SPIREProtos

/// `debug getinfo`: shows how long the server runs, what it holds, and its own SVID chain.
struct DebugGetInfo: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "debug getinfo"
  let synopsis = "Shows the server's uptime, the number of its records, and its SVID"
  let examples = [
    CommandExample("How the server is", "debug getinfo")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let info = try await server.call {
      try await Spire_Api_Server_Debug_V1_Debug.Client(wrapping: $0).getInfo(.init())
    }
    options.output.print(info, to: io) {
      io.print("Server Debug Info:")
      io.print("  Uptime:                  \(Times.duration(seconds: info.uptime))")
      io.print("  Registered Agents:       \(info.agentsCount)")
      io.print("  Registration Entries:    \(info.entriesCount)")
      io.print("  Federated Bundles:       \(info.federatedBundlesCount)")
      SVIDChainReport.print(
        info.svidChain.map { SVIDChainReport(id: $0.id.text, subject: $0.subject, expiresAt: $0.expiresAt) }, io: io)
    }
  }
}

extension Spire_Api_Server_Debug_V1_GetInfoResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "svid_chain": svidChain, "uptime": uptime, "agents_count": agentsCount,
      "federated_bundles_count": federatedBundlesCount, "entries_count": entriesCount,
    ]
  }
}

extension Spire_Api_Server_Debug_V1_GetInfoResponse.Cert: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["id": hasID ? id : nil, "expires_at": expiresAt, "subject": subject]
  }
}
