package import Console
import Daemon
import Flags
import SPIFFE
package import SPIREProtos
import SwiftProtobuf

/// `jwt mint`: has the server sign a JWT-SVID.
struct JWTMint: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var spiffeID = ""
    var ttl = Duration.zero
    var audience: [String] = []
    var write = ""
  }

  let name = "jwt mint"
  let synopsis = "Mints a JWT-SVID"
  let details = """
    No entry is needed: whoever reaches the admin socket may mint any SVID of the trust domain.
    """
  let examples = [
    CommandExample("A token for a service", "jwt mint -spiffeID spiffe://example.org/web -audience database -ttl 5m"),
    CommandExample(
      "Into a file that only this user can read",
      "jwt mint -spiffeID spiffe://example.org/web -audience database -write token"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("spiffeID", \.spiffeID, "SPIFFE ID of the JWT-SVID").takes(.spiffeID),
    .duration("ttl", \.ttl, "Lifetime of the JWT-SVID; 0 is the server's default"),
    .strings("audience", \.audience, "Audience of the JWT-SVID; can be given more than once"),
    .string("write", \.write, "File to write the token to, instead of printing it").takes(.file),
  ]
  let time: any TimeSource

  init(time: any TimeSource = SystemTime()) { self.time = time }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try MintRequest.id(options.spiffeID)
    if options.audience.isEmpty { throw CommandFailure("at least one audience must be specified") }
    let lifetime = try MintRequest.seconds(options.ttl)
    let asked = time.now
    let response: Spire_Api_Server_Svid_V1_MintJWTSVIDResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: $0).mintJWTSVID(
          .with {
            $0.id.trustDomain = id.trustDomain.name
            $0.id.path = id.path
            $0.audience = options.audience
            $0.ttl = lifetime
          })
      }
    } catch { throw CommandFailure("unable to mint SVID: \(error)") }
    let svid = response.svid
    if svid.token.isEmpty { throw CommandFailure("server response missing token") }
    MintRequest.warnIfCapped("JWT-SVID", expiresAt: svid.expiresAt, lifetime: lifetime, asked: asked, io: io)
    try options.output.print(response, to: io) {
      if options.write.isEmpty { return io.print(svid.token) }
      try MintRequest.write(svid.token, "token", label: "JWT-SVID", to: options.write, io: io)
    }
  }
}

extension Spire_Api_Server_Svid_V1_MintJWTSVIDResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["svid": hasSvid ? svid : nil] }
}

extension Spire_Api_Types_JWTSVID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["token": token, "id": hasID ? id : nil, "expires_at": expiresAt, "issued_at": issuedAt, "hint": hint]
  }
}
