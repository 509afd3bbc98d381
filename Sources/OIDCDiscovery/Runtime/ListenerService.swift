import Daemon
import NIOCore
import RPC
import ServiceLifecycle

/// An ``HTTPListener`` that says which address it cannot listen on, and takes its socket file away in the end. A service.
struct ListenerService: Service {
  let listener: HTTPListener
  /// The address as it is configured.
  let what: String
  var socket: ListeningSocket?

  func run() async throws {
    defer { socket?.removeFile() }
    do {
      try await listener.run()
    } catch let error as IOError {
      throw OIDCError(.listener, "listen \(what): \(GoText.errno(error.errnoCode))", cause: error)
    } catch let error as SocketAddressError {
      throw OIDCError(.listener, "listen \(what): \(error)", cause: error)
    }
  }
}
