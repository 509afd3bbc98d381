package import Daemon
import FoundationEssentials
package import HTTP
package import SPIFFE

/// Asks Azure's services over HTTP, on the terms of ``AttestorPeer``; what may pass is tried again a little later. A value;
/// keeps nothing.
package struct AzureWeb: Sendable {
  /// How often something is asked for.
  private static let attempts = 3
  /// A service that wants to be left alone for longer is not asked again for the same caller.
  private static let maximumPause: Duration = .seconds(2)

  package let places: AzurePlaces
  package let time: any TimeSource
  private let services: AttestorHTTP
  private let machine: AttestorHTTP
  private let probe: AttestorHTTP

  package init(_ places: AzurePlaces, time: any TimeSource, peer: AttestorPeer = .azureServices) {
    self.places = places
    self.time = time
    services = AttestorHTTP(peer, environment: places.environment)
    machine = AttestorHTTP(.azureMachine, environment: places.environment)
    probe = AttestorHTTP(.azureProbe, environment: places.environment)
  }

  /// How a request gets where it goes.
  enum Way: Sendable {
    /// Through the proxies of the environment.
    case services
    /// To what runs beside the server: no proxy could know the way there.
    case machine
    /// The same, once and not for long.
    case probe
    /// The same, to whoever has the certificate with this SHA-1 fingerprint.
    case pinned([UInt8])
  }

  /// The JSON of an answer with status 200.
  package func json(_ request: HTTPRequest) async throws(AzureError) -> JSONValue { try await json(request, nil) }

  func json(_ request: HTTPRequest, _ way: Way?) async throws(AzureError) -> JSONValue {
    let body = try await bytes(request, way)
    do { return try JSONValue(parsing: body, limits: JSONLimits(maximumBytes: 4 << 20, maximumDepth: 32)) } catch {
      throw AzureError(.unavailable, "\(Self.name(request)): the answer is no JSON: \(error)")
    }
  }

  /// The body of an answer with status 200.
  package func bytes(_ request: HTTPRequest) async throws(AzureError) -> [UInt8] { try await bytes(request, nil) }

  private func bytes(_ request: HTTPRequest, _ way: Way?) async throws(AzureError) -> [UInt8] {
    let answer = try await answer(request, way)
    guard answer.status == 200 else { throw Self.failure(request, answer) }
    return answer.body
  }

  /// The answer, whatever its status is, once nothing is to be gained from another attempt.
  ///
  /// - Parameter way: nil for the one that the URL's host stands for.
  func answer(_ request: HTTPRequest, _ way: Way?) async throws(AzureError) -> HTTPAnswer {
    let way = way ?? (request.url.host == AzurePlaces.metadataHost ? .machine : .services)
    var attempt = 1
    if case .probe = way { attempt = Self.attempts }
    while true {
      let result: Result<HTTPAnswer, AzureError>
      let pause: Duration?
      switch await sent(request, way) {
      case .success(let answer):
        (result, pause) = (.success(answer), Self.pause(answer, attempt))
      case .failure(.cancelled): throw AzureError(.cancelled, "context canceled")
      case .failure(.redirection(let text)): throw AzureError(.refused, "\(Self.name(request)): \(text)")
      case .failure(let error):
        result = .failure(AzureError(.unavailable, "\(Self.name(request)): \(error)"))
        pause = error.mayPass ? .milliseconds(200 * attempt) : nil
      }
      guard let pause, attempt < Self.attempts else { return try result.get() }
      do { try await time.sleep(for: pause) } catch { throw AzureError(.cancelled, "context canceled") }
      attempt += 1
    }
  }

  private func sent(_ request: HTTPRequest, _ way: Way) async -> Result<HTTPAnswer, HTTPFailure> {
    do throws(HTTPFailure) {
      var (client, security) = (machine, places.security)
      switch way {
      case .services: client = services
      case .machine: break
      case .probe: client = probe
      case .pinned(let fingerprint): security.trust = .fingerprint(fingerprint)
      }
      var request = request
      do { request.url = try places.reached(request.url) } catch { throw .protocol(error.message) }
      return .success(try await client.send(request, over: .named(by: request.url, security)))
    } catch {
      return .failure(error)
    }
  }

  /// `GET management.azure.com`: the path may hold names of users' resources, and a query may hold more.
  static func name(_ request: HTTPRequest) -> String {
    "\(request.method.rawValue) \(request.url.scheme.rawValue)://\(request.url.authority)"
  }

  /// How long to wait before the next attempt; nil when there should be none.
  private static func pause(_ answer: HTTPAnswer, _ attempt: Int) -> Duration? {
    guard [408, 410, 429, 500, 502, 503, 504].contains(answer.status) else { return nil }
    guard let text = answer.header("Retry-After") else { return .milliseconds(200 * attempt) }
    guard let seconds = Int64(text), seconds >= 0, .seconds(seconds) <= maximumPause else { return nil }
    return .seconds(seconds)
  }

  static func failure(_ request: HTTPRequest, _ answer: HTTPAnswer) -> AzureError {
    let code: AzureError.Code =
      switch answer.status {
      case 401: .unauthenticated
      case 404: .notFound
      case 408, 429, 500...599: .unavailable
      default: .refused
      }
    let said = said(answer.body)
    return AzureError(
      code, "\(name(request)) answers with status \(answer.status)" + (said.isEmpty ? "" : ": \(GoText.quote(said))"))
  }

  /// What Azure says of an error, in the forms of Resource Manager (`error.code`, `error.message`) and of its token service
  /// (`error`, `error_description`): at most 300 letters.
  static func said(_ body: [UInt8]) -> String {
    guard let document = try? JSONValue(parsing: body, limits: JSONLimits(maximumBytes: 64 << 10, maximumDepth: 16))
    else {
      return ""
    }
    let error = document["error"]
    let parts = [
      error?.string ?? error?["code"]?.string, document["error_description"]?.string ?? error?["message"]?.string,
    ]
    return String(parts.compactMap { $0 }.joined(separator: ": ").prefix(300))
  }
}

extension HTTPFailure {
  /// Whether a second attempt is worth its while: who has kept the first one waiting will keep the next one, too.
  fileprivate var mayPass: Bool {
    switch self {
    case .unreachable, .protocol: true
    default: false
    }
  }
}
