import Console
import Daemon
import Flags
import FoundationEssentials
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// `x509 mint`: has the server sign an X.509-SVID for a key that is made here.
struct X509Mint: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var spiffeID = ""
    var ttl = Duration.zero
    var dnsNames: [String] = []
    var write = ""
  }

  let name = "x509 mint"
  let synopsis = "Mints an X.509-SVID"
  let details = """
    The key is made here and does not leave this machine. No entry is needed: whoever reaches the admin socket may mint \
    any SVID of the trust domain.
    """
  let examples = [
    CommandExample("On standard output", "x509 mint -spiffeID spiffe://example.org/web -dns web.example.org -ttl 1h"),
    CommandExample("Into svid.pem, key.pem and bundle.pem", "x509 mint -spiffeID spiffe://example.org/web -write ."),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("spiffeID", \.spiffeID, "SPIFFE ID of the X.509-SVID").takes(.spiffeID),
    .duration("ttl", \.ttl, "Lifetime of the X.509-SVID; 0 is the server's default"),
    .strings("dns", \.dnsNames, "DNS name in the X.509-SVID; can be given more than once"),
    .string("write", \.write, "Folder to write svid.pem, key.pem and bundle.pem to, instead of printing them").takes(
      .directory),
  ]
  let time: any TimeSource

  init(time: any TimeSource = SystemTime()) { self.time = time }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try MintRequest.id(options.spiffeID)
    let lifetime = try MintRequest.seconds(options.ttl)
    let request = try X509MintRequest(id: id, dnsNames: options.dnsNames)
    let asked = time.now
    let svid: Spire_Api_Types_X509SVID
    do {
      svid = try await server.call {
        try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: $0).mintX509SVID(
          .with {
            $0.csr = Data(request.csr)
            $0.ttl = lifetime
          })
      }.svid
    } catch { throw CommandFailure("unable to mint SVID: \(error)") }
    if svid.certChain.isEmpty { throw CommandFailure("server response missing SVID chain") }
    MintRequest.warnIfCapped(
      "X509-SVID", expiresAt: svid.expiresAt, lifetime: lifetime, asked: asked, io: io)
    let bundle: Spire_Api_Types_Bundle
    do {
      bundle = try await server.call {
        try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).getBundle(.init())
      }
    } catch { throw CommandFailure("unable to get bundle: \(error)") }
    let minted = MintedX509SVID(
      chain: svid.certChain, privateKey: request.privateKey, roots: bundle.x509Authorities.map(\.asn1))
    try minted.print(options.output, directory: options.write, io: io)
  }
}
