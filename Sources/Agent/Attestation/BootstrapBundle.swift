import Daemon
import FoundationEssentials
import GRPCCore
package import HTTP
import Keys
import RPC
import SPIFFE
package import TLS
import WorkloadClient
import WorkloadProtos

/// Fetches what the server is recognised by before there is a bundle (agent-behaviour §2), anew at each attempt.
/// ``NodeAttestation`` asks. Stateless.
package struct BootstrapBundle: Sendable {
  /// What the server behind a bundle socket is told about the attempt.
  package struct Attempt: Sendable {
    package var isRebootstrap: Bool
    package var count: Int
    /// When the attempts began; RFC 3339.
    package var start: String

    package init(isRebootstrap: Bool, count: Int, start: String) {
      self.isRebootstrap = isRebootstrap
      self.count = count
      self.start = start
    }
  }

  /// A bundle of any real trust domain stays far below.
  package static let maximumSize = 4 << 20

  private let source: BootstrapSource
  private let server: ServerAddress
  private let roots: WebRoots
  private let exchange: HTTPExchange

  /// - Parameters:
  ///   - server: the server that the agent is about to attest to.
  ///   - roots: whom the server of a `trust_bundle_url` is checked against.
  ///   - deadline: for dialling that server, and again for each of its answers.
  package init(
    _ source: BootstrapSource, server: ServerAddress, roots: WebRoots = .system(environment: [:]),
    deadline: Duration = .seconds(30), tls: TLSPolicy = TLSPolicy()
  ) {
    self.source = source
    self.server = server
    self.roots = roots
    exchange = HTTPExchange(deadline: deadline, maximumBody: Self.maximumSize, accept: "*/*", tls: tls)
  }

  /// The authorities, DER; nil for insecure bootstrap.
  ///
  /// - Throws: ``AgentError`` `trustBundle`.
  package func authorities(_ attempt: Attempt) async throws -> [[UInt8]]? {
    switch source {
    case .insecure: return nil
    case .file(let path, let format):
      return try await BackgroundWork.run { try parse(try Self.read(path), format, from: path) }
    case .web(let url, let format):
      return try parse(try await download(url, over: .https(.web(roots))), format, from: url.description)
    case .unixSocket(let path, let url, let format):
      let bytes = try await download(url.setting(values(attempt)), over: .unixSocket(path: path))
      return try parse(bytes, format, from: url.description)
    case .workloadAPI(let endpoint): return try await fetch(endpoint)
    }
  }

  private static func read(_ path: String) throws(AgentError) -> [UInt8] {
    let content: [UInt8]?
    do { content = try BoundedFile.read(path, limit: maximumSize) } catch {
      throw AgentError(.trustBundle, "could not parse trust bundle: \(error)", cause: error)
    }
    guard let content else {
      throw AgentError(.trustBundle, "open \(path): no such file or directory; trust_bundle_path must name a file")
    }
    return content
  }

  // MARK: From a URL

  private func download(_ url: WebURL, over route: HTTPExchange.Route) async throws(AgentError) -> [UInt8] {
    let answer: HTTPExchange.Answer
    do { answer = try await exchange.get(url, over: route) } catch {
      throw AgentError(
        .trustBundle, "unable to fetch trust bundle URL \(url): Get \(GoText.quote(url.description)): \(error)",
        cause: error)
    }
    guard answer.status == 200 else {
      throw AgentError(.trustBundle, "error downloading trust bundle: \(answer.status) \(answer.reason)")
    }
    return answer.body
  }

  private func values(_ attempt: Attempt) -> [(name: String, value: String)] {
    [
      ("spire-attest-mode", attempt.isRebootstrap ? "rebootstrap" : "bootstrap"),
      ("spire-connection-attempts", "\(attempt.count)"), ("spire-attest-start-time", attempt.start),
      ("spire-server-address", server.host), ("spire-server-port", "\(server.port)"),
      ("spiffe-trust-domain", server.trustDomain.name),
    ]
  }

  // MARK: From a Workload API

  private func fetch(_ endpoint: WorkloadEndpoint) async throws(AgentError) -> [[UInt8]] {
    let name = "trust bundle from the SPIFFE Workload API"
    let bundles: [String: Data]
    do {
      bundles = try await endpoint.call { client in
        try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client).fetchX509Bundles(
          .init(), metadata: ["workload.spiffe.io": "true"], options: .within(.seconds(60))
        ) { response in
          for try await message in response.messages { return message.bundles }
          throw AgentError(.trustBundle, "the stream ended without a message")
        }
      }
    } catch {
      // A refusal there is none of the server: the next attempt asks again.
      throw AgentError(.trustBundle, "unable to fetch \(name): \(describe(error))", cause: error)
    }
    guard let own = bundles.first(where: { (try? TrustDomain($0.key)) == server.trustDomain }) else {
      throw AgentError(
        .trustBundle, "unable to fetch \(name): it has no bundle of trust domain \"\(server.trustDomain)\"")
    }
    let authorities: [[UInt8]]
    do {
      authorities = try X509Certificates.splitDER([UInt8](own.value))
      for der in authorities { _ = try X509Certificates.parse(der: der) }
    } catch {
      throw AgentError(.trustBundle, "could not parse \(name): \(error)", cause: error)
    }
    guard !authorities.isEmpty else { throw AgentError(.trustBundle, "no certificates found in \(name)") }
    return authorities
  }

  private func describe(_ error: any Error) -> String {
    guard let error = error as? RPCError else { return "\(error)" }
    return "\(error.code): \(error.message)"
  }

  // MARK: Forms

  private func parse(
    _ bytes: [UInt8], _ format: BootstrapSource.Format, from place: String
  ) throws(AgentError) -> [[UInt8]] {
    let authorities: [[UInt8]]
    switch format {
    case .pem:
      do {
        authorities = try PEM.decode(String(decoding: bytes, as: UTF8.self)).filter { $0.type == "CERTIFICATE" }
          .map(\.der)
        for der in authorities { _ = try X509Certificates.parse(der: der) }
      } catch {
        throw AgentError(.trustBundle, "could not parse trust bundle: \(place): \(error)", cause: error)
      }
    case .spiffe:
      do {
        authorities = try BundleDocument.decode(bytes, trustDomain: server.trustDomain).x509Authorities.map(\.der)
      } catch {
        throw AgentError(.trustBundle, "unable to parse SPIFFE trust bundle: \(error)", cause: error)
      }
    }
    if authorities.isEmpty { throw AgentError(.trustBundle, "no certificates found in trust bundle (\(place))") }
    return authorities
  }
}
