package import GRPCCore
import SPIFFE
import Synchronization

/// What is known about the connection that a call came over. API methods reach it as `context.peer`.
///
/// The endpoint makes one per accepted connection, before a byte is read; the TLS verification adds the SVID.
/// It is let go when the connection closes, or when the last call that holds it ends.
package final class PeerConnection: ServerContext.TransportSpecific {
  /// A number of its own among the connections of this process.
  package let id: UInt64
  private let state: Mutex<Caller>

  package init(id: UInt64, caller: Caller) {
    self.id = id
    state = Mutex(caller)
  }

  /// Who is at the other end.
  package var caller: Caller { state.withLock { $0 } }

  func verified(_ svid: VerifiedX509SVID) {
    state.withLock { caller in
      if let address = caller.address { caller = .x509(svid, address) }
    }
  }
}

extension ServerContext {
  /// The connection this call came over; `nil` in transports other than ``GRPCEndpoint``'s.
  package var peer: PeerConnection? {
    switch transportSpecific {
    case let call as ServerCall: call.peer
    case let call as CallContext: call.peer
    default: transportSpecific as? PeerConnection
    }
  }

  /// When the caller gives up, if it said so.
  var deadline: ContinuousClock.Instant? { (transportSpecific as? ServerCall)?.deadline }
}
