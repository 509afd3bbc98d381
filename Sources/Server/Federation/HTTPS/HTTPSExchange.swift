import Daemon
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SPIFFE

/// One GET over HTTPS with a bound on time and size: what ``HTTPSBundleEndpoint`` needs and no more. A connection per
/// request, on an event loop that it does not block.
struct HTTPSExchange: Sendable {
  struct Answer: Sendable {
    var status: Int
    var location: String?
    var body: [UInt8]

    var isRedirection: Bool { [301, 302, 303, 307, 308].contains(status) }
  }

  /// Why there is no answer. The text is what follows `Get "<URL>": `.
  enum Failure: Error, CustomStringConvertible {
    case unreachable(String)
    case authentication(String)
    case `protocol`(String)
    case tooLarge(Int)
    case timeout

    var isAuthentication: Bool { if case .authentication = self { true } else { false } }

    var description: String {
      switch self {
      case .unreachable(let text), .protocol(let text): text
      case .authentication(let text): "tls: failed to verify certificate: \(text)"
      case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
      case .timeout: "context deadline exceeded"
      }
    }
  }

  let deadline: Duration
  let maximumBody: Int

  func get(_ url: EndpointURL, trust: ServerTrust) async throws(Failure) -> Answer {
    let refusal = ServerTrust.Refusal()
    let context: NIOSSLContext
    do { context = try trust.context() } catch {
      throw .authentication("cannot read the authorities to check with: \(error)")
    }
    let channel = try await connect(url)
    do {
      return try await withTaskCancellationHandler {
        try await exchange(url, channel, trust, context, refusal).get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      throw Self.failure(error, refusal)
    }
  }

  private func connect(_ url: EndpointURL) async throws(Failure) -> any Channel {
    do {
      return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(deadline)).connect(host: url.host, port: url.port).get()
    } catch {
      let address = url.host.contains(":") ? "[\(url.host)]:\(url.port)" : "\(url.host):\(url.port)"
      throw Self.dialFailure(error, address)
    }
  }

  private func exchange(
    _ url: EndpointURL, _ channel: any Channel, _ trust: ServerTrust, _ context: NIOSSLContext,
    _ refusal: ServerTrust.Refusal
  ) -> EventLoopFuture<Answer> {
    let promise = channel.eventLoop.makePromise(of: Answer.self)
    channel.eventLoop.execute {
      do {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(trust.handler(context, host: url.host, refusal: refusal))
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(
          HTTPSExchangeHandler(
            url: url, maximumBody: maximumBody, deadline: TimeAmount(deadline), promise: promise))
      } catch {
        promise.fail(error)
        channel.close(promise: nil)
      }
    }
    return promise.futureResult
  }

  private static func dialFailure(_ error: any Error, _ address: String) -> Failure {
    if let failure = error as? NIOConnectionError {
      guard let first = failure.connectionErrors.first else {
        return .unreachable("dial tcp: lookup \(failure.host): no such host")
      }
      return dialFailure(first.error, address)
    }
    if let failure = error as? IOError {
      return .unreachable("dial tcp \(address): connect: \(GoText.errno(failure.errnoCode))")
    }
    if case .connectTimeout? = error as? ChannelError { return .timeout }
    return .unreachable("dial tcp \(address): \(error)")
  }

  private static func failure(_ error: any Error, _ refusal: ServerTrust.Refusal) -> Failure {
    if let failure = error as? Failure { return failure }
    if let reason = refusal.reason { return .authentication("\(reason)") }
    if error is NIOSSLExtraError || error is NIOSSLError { return .authentication("\(error)") }
    return .protocol("\(error)")
  }
}
