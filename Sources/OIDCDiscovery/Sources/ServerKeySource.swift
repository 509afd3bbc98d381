import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// Keys from a SPIRE server through its admin socket (`server_api`): anybody who can open that may ask for the bundle.
struct ServerKeySource: KeySource {
  let socket: String

  func keys() async throws -> [JWTAuthority] {
    let bundle = try await withUnixClient(socket) { client in
      try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
        .getBundle(.with { $0.outputMask.jwtAuthorities = true }, options: .within(.seconds(30)))
    }
    return bundle.jwtAuthorities.map { JWTAuthority(publicKey: [UInt8]($0.publicKey), keyID: $0.keyID) }
  }
}
