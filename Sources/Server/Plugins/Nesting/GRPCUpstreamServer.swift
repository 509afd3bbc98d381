import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import ServerPlugins

/// The calls to the server above on one client. Turns messages into values and failures into words. A value.
struct GRPCUpstreamServer: UpstreamServer {
  private typealias SVIDs = Spire_Api_Server_Svid_V1_SVID
  private typealias Bundles = Spire_Api_Server_Bundle_V1_Bundle
  private typealias Watch = Swiftspire_Server_Watch_V1_Watch

  /// The time for one call.
  private static let timeout = Duration.seconds(15)

  let client: RPCClient
  let address: UpstreamServerAddress
  let serverID: SPIFFEID

  func newDownstreamX509CA(csr: [UInt8], ttl: Duration) async throws -> [[UInt8]] {
    try await call {
      var request = Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest()
      request.csr = Data(csr)
      request.preferredTtl = Int32(clamping: ttl.components.seconds)
      let response = try await SVIDs.Client(wrapping: client)
        .newDownstreamX509CA(request, options: .within(Self.timeout))
      return response.caCertChain.map { Array($0) }
    }
  }

  func publishJWTAuthority(_ key: JWTAuthority) async throws -> [JWTAuthority] {
    try await call {
      var request = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest()
      request.jwtAuthority = key.api
      let response = try await Bundles.Client(wrapping: client)
        .publishJWTAuthority(request, options: .within(Self.timeout))
      return try JWTAuthority.list(response.jwtAuthorities)
    }
  }

  func bundle() async throws -> SPIFFE.Bundle {
    try await call {
      let message = try await Bundles.Client(wrapping: client).getBundle(.init(), options: .within(Self.timeout))
      return try SPIFFE.Bundle(message)
    }
  }

  func watchBundle(_ changed: @escaping @Sendable (SPIFFE.Bundle) async throws -> Void) async throws {
    try await call {
      // No deadline: the stream is there to stay, and calls beside it find out when nobody answers any more.
      try await Watch.Client(wrapping: client).watchBundle(.init()) { response in
        for try await message in response.messages { try await changed(try SPIFFE.Bundle(message.bundle)) }
      }
    }
  }

  // MARK: Failures

  private func call<T>(_ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch let error as RPCError {
      throw failure(error)
    } catch let error as ConversionError {
      throw ServerPluginError(
        .internal, "the upstream server at \(address) sent what cannot be used: \(error)", cause: error)
    }
  }

  private func failure(_ error: RPCError) -> any Error {
    if let connect = error.connectError {
      let what =
        switch connect.code {
        case .dial: "unable to reach the upstream server at \(address)"
        case .unexpectedID: "what answers at \(address) is not the upstream server \"\(serverID)\""
        case .unknownAuthority:
          "the certificate of the upstream server at \(address) leads to no root that the agent's bundle has"
        case .handshake: "unable to connect to the upstream server at \(address)"
        }
      return ServerPluginError(.unavailable, "\(what): \(connect.message); \(connect.hint)", cause: error)
    }
    let code: ServerPluginError.Code =
      switch error.code {
      case .permissionDenied: .permissionDenied
      case .unimplemented: .unimplemented
      case .invalidArgument: .invalidArgument
      case .failedPrecondition: .failedPrecondition
      case .notFound: .notFound
      case .unavailable, .deadlineExceeded, .resourceExhausted, .aborted: .unavailable
      default: .internal
      }
    if code == .permissionDenied || code == .unimplemented {
      return ServerPluginError(code, error.message, cause: error)
    }
    return ServerPluginError(
      code, "the upstream server at \(address) failed the call: \(error.code): \(error.message)", cause: error)
  }
}
