import Daemon
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One GET with a bound on time and size: what fetching a bundle needs and no more. A connection per request, on an
/// event loop that it does not block. A value; keeps nothing.
package struct HTTPExchange: Sendable {
  /// How the server is reached.
  package enum Route: Sendable {
    /// Over TLS; the server proves who it is.
    case https(ServerTrust)
    /// Through a Unix socket of this host, without TLS.
    case unixSocket(path: String)
  }

  package struct Answer: Sendable {
    package var status: Int
    /// What the server says beside the number: `Not Found`.
    package var reason: String
    package var location: String?
    package var body: [UInt8]

    var isRedirection: Bool { [301, 302, 303, 307, 308].contains(status) }
  }

  /// Why there is no answer. The text is what follows `Get "<URL>": `.
  package enum Failure: Error, CustomStringConvertible {
    case unreachable(String)
    case authentication(String)
    case `protocol`(String)
    case tooLarge(Int)
    case timeout

    package var isAuthentication: Bool { if case .authentication = self { true } else { false } }

    package var description: String {
      switch self {
      case .unreachable(let text), .protocol(let text): text
      case .authentication(let text): "tls: failed to verify certificate: \(text)"
      case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
      case .timeout: "context deadline exceeded"
      }
    }
  }

  /// Redirections that are followed; each is held to the same rules.
  package static let maximumRedirections = 10

  let deadline: Duration
  let maximumBody: Int
  let accept: String

  /// - Parameters:
  ///   - deadline: for dialling, and again for each answer.
  ///   - maximumBody: in bytes.
  ///   - accept: the media types that are asked for.
  package init(deadline: Duration, maximumBody: Int, accept: String) {
    self.deadline = deadline
    self.maximumBody = maximumBody
    self.accept = accept
  }

  /// The answer to a GET of `url`, behind at most ``maximumRedirections`` redirections.
  package func get(_ url: WebURL, over route: Route) async throws(Failure) -> Answer {
    var url = url
    for _ in 0...Self.maximumRedirections {
      let answer = try await once(url, route)
      guard answer.isRedirection, let location = answer.location else { return answer }
      do {
        url = try url.redirected(to: location)
      } catch {
        // SPIRE: would also follow from https to http, where anybody on the way could answer.
        throw .protocol("redirection to \(GoText.quote(location)) refused: it \(error)")
      }
    }
    throw .protocol("stopped after \(Self.maximumRedirections) redirects")
  }

  private func once(_ url: WebURL, _ route: Route) async throws(Failure) -> Answer {
    let refusal = ServerTrust.Refusal()
    var tls: (trust: ServerTrust, context: NIOSSLContext)?
    if case .https(let trust) = route {
      do { tls = (trust, try trust.context()) } catch {
        throw .authentication("cannot read the authorities to check with: \(error)")
      }
    }
    let channel = try await connect(url, route)
    do {
      let prepared = tls
      return try await withTaskCancellationHandler {
        try await exchange(url, channel, prepared, refusal).get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      throw Self.failure(error, refusal)
    }
  }

  private func connect(_ url: WebURL, _ route: Route) async throws(Failure) -> any Channel {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(TimeAmount(deadline))
    switch route {
    case .https:
      do { return try await bootstrap.connect(host: url.host, port: url.port).get() } catch {
        throw Self.dialFailure(error, "tcp", PeerAddress(ip: url.host, port: url.port).description)
      }
    case .unixSocket(let path):
      do { return try await bootstrap.connect(unixDomainSocketPath: path).get() } catch {
        throw Self.dialFailure(error, "unix", path)
      }
    }
  }

  private func exchange(
    _ url: WebURL, _ channel: any Channel, _ tls: (trust: ServerTrust, context: NIOSSLContext)?,
    _ refusal: ServerTrust.Refusal
  ) -> EventLoopFuture<Answer> {
    let promise = channel.eventLoop.makePromise(of: Answer.self)
    channel.eventLoop.execute {
      do {
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(tls.trust.handler(tls.context, host: url.host, refusal: refusal)) }
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(
          HTTPExchangeHandler(
            url: url, accept: accept, maximumBody: maximumBody, deadline: TimeAmount(deadline), promise: promise))
      } catch {
        promise.fail(error)
        channel.close(promise: nil)
      }
    }
    return promise.futureResult
  }

  private static func dialFailure(_ error: any Error, _ network: String, _ address: String) -> Failure {
    if let failure = error as? NIOConnectionError {
      guard let first = failure.connectionErrors.first else {
        return .unreachable("dial tcp: lookup \(failure.host): no such host")
      }
      return dialFailure(first.error, network, address)
    }
    if let failure = error as? IOError {
      return .unreachable("dial \(network) \(address): connect: \(GoText.errno(failure.errnoCode))")
    }
    if case .connectTimeout? = error as? ChannelError { return .timeout }
    if error is SocketAddressError { return .unreachable("dial \(network) \(address): connect: invalid argument") }
    return .unreachable("dial \(network) \(address): \(error)")
  }

  private static func failure(_ error: any Error, _ refusal: ServerTrust.Refusal) -> Failure {
    if let failure = error as? Failure { return failure }
    if let reason = refusal.reason { return .authentication("\(reason)") }
    if error is NIOSSLExtraError || error is NIOSSLError { return .authentication("\(error)") }
    return .protocol("\(error)")
  }
}
