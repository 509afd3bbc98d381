package import GRPCCore
package import SPIFFE
import Synchronization

/// What is known about the connection that a call came over. API methods reach it as `context.peer`.
///
/// The endpoint makes one per accepted connection, before a byte is read; the TLS verification adds the SVID.
/// It is let go when the connection closes, or when the last call that holds it ends.
package final class PeerConnection: ServerContext.TransportSpecific {
  /// A number of its own among the connections of this process.
  package let id: UInt64

  private struct State {
    var caller: Caller
    var svid: VerifiedX509SVID?
    var refusal: String?
    var drain: (@Sendable () -> Void)?
  }
  private let state: Mutex<State>

  package init(id: UInt64, caller: Caller, svid: VerifiedX509SVID? = nil) {
    self.id = id
    state = Mutex(State(caller: caller, svid: svid))
  }

  /// Who is at the other end.
  package var caller: Caller { state.withLock { $0.caller } }

  /// The X509-SVID that the peer presented, also over a Unix socket, where ``caller`` is the process. It was verified
  /// when the connection began.
  package var svid: VerifiedX509SVID? { state.withLock { $0.svid } }

  /// Asks the peer to open another connection: this one takes no more calls, and closes after the last one. For a
  /// connection that was opened with an SVID that counts no longer.
  package func drain() { state.withLock { $0.drain }?() }

  func onDrain(_ drain: @escaping @Sendable () -> Void) { state.withLock { $0.drain = drain } }

  /// Why the peer's certificate was refused, for the log.
  var refusal: String? { state.withLock { $0.refusal } }

  func refused(_ error: any Error) { state.withLock { $0.refusal = "\(error)" } }

  func verified(_ svid: VerifiedX509SVID) {
    state.withLock { state in
      state.svid = svid
      if let address = state.caller.address { state.caller = .x509(svid, address) }
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
