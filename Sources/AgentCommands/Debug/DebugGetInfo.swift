package import Console
import Flags
package import SPIREProtos

/// `debug getinfo`: shows how long the agent runs, when it last heard of its server, what it caches, and its own SVID
/// chain.
struct DebugGetInfo: AdminCommand {
  typealias Options = PlainAdminOptions
  let name = "debug getinfo"
  let synopsis = "Shows the agent's uptime, last sync, caches, and its SVID"
  let details = """
    Needs `admin_socket_path` in the agent's configuration.
    """
  let examples = [
    CommandExample("How the agent is", "debug getinfo -socketPath /tmp/spire-agent/private/admin.sock")
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    let info = try await agent.call {
      try await Spire_Agent_Debug_V1_Debug.Client(wrapping: $0).getInfo(.init())
    }
    options.output.print(info, to: io) {
      let synced = info.lastSyncSuccess == 0 ? "(never)" : Times.rfc3339(info.lastSyncSuccess)
      io.print("Agent Debug Info:")
      io.print("  Uptime:                          \(Times.duration(seconds: info.uptime))")
      io.print("  Last Sync Success:               \(synced)")
      io.print("  Cached X.509 SVIDs:              \(info.cachedX509SvidsCount)")
      io.print("  Cached JWT SVIDs:                \(info.cachedJwtSvidsCount)")
      io.print("  Cached SVID Store X.509 SVIDs:   \(info.cachedSvidstoreX509SvidsCount)")
      SVIDChainReport.print(
        info.svidChain.map { SVIDChainReport(id: $0.id.text, subject: $0.subject, expiresAt: $0.expiresAt) }, io: io)
    }
  }
}

extension Spire_Agent_Debug_V1_GetInfoResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "svid_chain": svidChain, "uptime": uptime, "svids_count": svidsCount, "last_sync_success": lastSyncSuccess,
      "cached_x509_svids_count": cachedX509SvidsCount, "cached_jwt_svids_count": cachedJwtSvidsCount,
      "cached_svidstore_x509_svids_count": cachedSvidstoreX509SvidsCount,
    ]
  }
}

extension Spire_Agent_Debug_V1_GetInfoResponse.Cert: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["id": hasID ? id : nil, "expires_at": expiresAt, "subject": subject]
  }
}
