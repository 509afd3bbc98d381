import Daemon
import NIOCore
import NIOPosix
import NIOSSL

/// Why there is no answer. The text is what Go's client says behind `Get "<URL>": `; it holds no secret.
package enum HTTPFailure: Error, CustomStringConvertible {
  /// Nothing was sent: the name, the address or the port leads nowhere.
  case unreachable(String)
  /// The server did not prove who it is, so nothing was sent.
  case authentication(String)
  case `protocol`(String)
  /// A redirection that is not followed.
  case redirection(String)
  case tooLarge(Int)
  case timeout
  /// The caller gave up.
  case cancelled

  package var isAuthentication: Bool { if case .authentication = self { true } else { false } }

  /// Whether the same request may be answered when it is sent again.
  package var mayPass: Bool {
    switch self {
    case .unreachable, .protocol, .timeout: true
    case .authentication, .redirection, .tooLarge, .cancelled: false
    }
  }

  package var description: String {
    switch self {
    case .unreachable(let text), .protocol(let text), .redirection(let text): text
    case .authentication(let text): "tls: failed to verify certificate: \(text)"
    case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
    case .timeout: "context deadline exceeded"
    case .cancelled: "context canceled"
    }
  }

  /// What `error` of a connection attempt says.
  init(dialling error: any Error, _ network: String, _ address: String) {
    if let failure = error as? HTTPFailure {
      self = failure
    } else if let failure = error as? NIOConnectionError {
      guard let first = failure.connectionErrors.first else {
        self = .unreachable("dial tcp: lookup \(failure.host): no such host")
        return
      }
      self.init(dialling: first.error, network, address)
    } else if let failure = error as? IOError {
      self = .unreachable("dial \(network) \(address): connect: \(GoText.errno(failure.errnoCode))")
    } else if case .connectTimeout? = error as? ChannelError {
      self = .timeout
    } else if error is SocketAddressError {
      self = .unreachable("dial \(network) \(address): connect: invalid argument")
    } else {
      self = .unreachable("dial \(network) \(address): \(error)")
    }
  }

  /// What `error` of an established connection says.
  init(exchanging error: any Error, _ refusal: ServerTrust.Refusal) {
    if let failure = error as? HTTPFailure {
      self = failure
    } else if let reason = refusal.reason {
      self = .authentication("\(reason)")
    } else if error is NIOSSLExtraError || error is NIOSSLError || error is BoringSSLError {
      let text = "\(error)"
      // An alert is the server's word: it did not take what this side presented.
      self = text.contains("_ALERT_") ? .protocol("remote error: tls: \(text)") : .authentication(text)
    } else if let failure = error as? IOError {
      self = .protocol(GoText.errno(failure.errnoCode))
    } else {
      self = .protocol("\(error)")
    }
  }
}
