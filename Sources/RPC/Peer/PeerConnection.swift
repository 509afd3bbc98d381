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
  private let state: Mutex<(caller: Caller, verification: Task<Void, Never>?)>

  package init(id: UInt64, caller: Caller) {
    self.id = id
    state = Mutex((caller, nil))
  }

  /// Who is at the other end.
  package var caller: Caller { state.withLock { $0.caller } }

  func verified(_ svid: VerifiedX509SVID) {
    state.withLock { state in
      if let address = state.caller.address { state.caller = .x509(svid, address) }
    }
  }

  /// The task that verifies the peer's certificate, so that the end of the connection ends it.
  func track(_ task: Task<Void, Never>) { state.withLock { $0.verification = task } }

  func cancelVerification() { state.withLock { $0.verification }?.cancel() }
}

extension ServerContext {
  /// The connection this call came over; `nil` in transports other than ``GRPCEndpoint``'s.
  package var peer: PeerConnection? {
    (transportSpecific as? CallContext)?.peer ?? transportSpecific as? PeerConnection
  }
}
