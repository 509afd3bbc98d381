import Console
import Daemon
import Flags
import FoundationEssentials
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// `wit mint`: has the server sign a WIT-SVID for a key that is made here. Only there when `SPIRE_SERVER_FFLAGS` names the
/// feature, as upstream's is.
struct WITMint: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var spiffeID = ""
    var ttl = Duration.zero
    var keyType = "ec-p256"
    var signingAlgorithm = "ES256"
    var write = ""
  }

  let name = "wit mint"
  let synopsis = "Mints a WIT-SVID"
  let details = """
    The key is made here and does not leave this machine. No entry is needed: whoever reaches the admin socket may mint \
    any SVID of the trust domain.
    """
  let examples = [
    CommandExample("On standard output", "wit mint -spiffeID spiffe://example.org/web -ttl 1h"),
    CommandExample("Into the files token and key", "wit mint -spiffeID spiffe://example.org/web -write ."),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("spiffeID", \.spiffeID, "SPIFFE ID of the WIT-SVID").takes(.spiffeID),
    .duration("ttl", \.ttl, "Lifetime of the WIT-SVID; 0 is the server's default"),
    .string("keyType", \.keyType, "Type of the key").takes(.oneOf(["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"])),
    .string("signingAlgorithm", \.signingAlgorithm, "Algorithm that the key will sign with").takes(
      .oneOf(["ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])),
    .string("write", \.write, "Folder to write token and key to, instead of printing them").takes(.directory),
  ]
  let time: any TimeSource

  init(time: any TimeSource = SystemTime()) { self.time = time }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try MintRequest.id(options.spiffeID)
    let lifetime = try MintRequest.seconds(options.ttl)
    let key = try WITKey(type: options.keyType, algorithm: options.signingAlgorithm)
    let asked = time.now
    let svid: Spire_Api_Types_WITSVID
    do {
      svid = try await server.call {
        try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: $0).mintWITSVID(
          .with {
            $0.id.trustDomain = id.trustDomain.name
            $0.id.path = id.path
            $0.publicKey = Data(key.publicKey)
            $0.signingAlgorithm = options.signingAlgorithm
            $0.ttl = lifetime
          })
      }.svid
    } catch { throw CommandFailure("unable to mint SVID: \(error)") }
    if svid.token.isEmpty { throw CommandFailure("server response missing token") }
    MintRequest.warnIfCapped("WIT-SVID", expiresAt: svid.expiresAt, lifetime: lifetime, asked: asked, io: io)
    // SPIRE: what is written to files is not printed, not even as JSON.
    if !options.write.isEmpty {
      func write(_ text: String, _ name: String, _ label: String) throws {
        try MintRequest.write(text, name, label: label, to: OutputPath.join(options.write, name), io: io)
      }
      try write(svid.token, "token", "WIT-SVID")
      return try write(key.jwk, "key", "Private key")
    }
    if options.output.format == .json { return io.print(Self.json(svid, key.jwk)) }
    io.print(svid.token)
    io.print(key.jwk)
  }

  /// SPIRE: the message as Go writes a struct, without what is empty and with times as numbers.
  private static func json(_ svid: Spire_Api_Types_WITSVID, _ key: String) -> String {
    var members: [(String, JSONValue)] = [("token", .string(svid.token))]
    if svid.hasID {
      members.append(
        ("id", ["trust_domain": .string(svid.id.trustDomain), "path": .string(svid.id.path)]))
    }
    if svid.expiresAt != 0 { members.append(("expires_at", .int(svid.expiresAt))) }
    if svid.issuedAt != 0 { members.append(("issued_at", .int(svid.issuedAt))) }
    if !svid.hint.isEmpty { members.append(("hint", .string(svid.hint))) }
    let message = JSONObject(members.map { JSONObject.Member(name: $0, value: $1) })
    let object: JSONValue = ["private_key": .string(key), "svid": .object(message)]
    return object.text(.compact)
  }
}
