import HTTP
import SPIFFE

/// Asks the metadata service of the machine that the agent runs on, for the node attestors of the clouds. A value; keeps
/// nothing.
///
/// The service is reached over plain HTTP on the machine's own link, on the terms of its ``AttestorPeer``: never through a
/// proxy, and no redirection is followed.
struct MetadataService: Sendable {
  /// The plugin that asks.
  private var plugin: String { client.peer.attestor }
  private let client: AttestorHTTP

  init(_ peer: AttestorPeer) { client = AttestorHTTP(peer) }

  /// The body of the service's answer to a request with these headers, if its status is 200.
  ///
  /// - Parameter what: names in messages what is asked for.
  func get(_ what: String, _ url: WebURL, headers: [HTTPField]) async throws(AgentPluginError) -> [UInt8] {
    let answer = try await send(what, HTTPRequest(.get, url, headers: headers))
    guard answer.status == 200 else { throw refused(what, url, answer) }
    return answer.body
  }

  func send(_ what: String, _ request: HTTPRequest) async throws(AgentPluginError) -> HTTPAnswer {
    do { return try await client.send(request, over: .plain) } catch {
      throw failure(
        .unavailable, "unable to retrieve \(what): \(request.method.rawValue) \(request.url): \(error)", error)
    }
  }

  func refused(_ what: String, _ url: WebURL, _ answer: HTTPAnswer) -> AgentPluginError {
    failure(.unavailable, "unable to retrieve \(what): \(url) answers with status \(answer.status) \(answer.reason)")
  }

  /// The answer as JSON.
  func json(_ what: String, _ url: WebURL, headers: [HTTPField]) async throws(AgentPluginError) -> JSONValue {
    let body = try await get(what, url, headers: headers)
    do { return try JSONValue(parsing: body) } catch {
      throw failure(.internalError, "unable to decode \(what): \(error)", error)
    }
  }

  /// The URL `http://host path`; `host` is what the configuration names, with or without a port.
  func url(_ host: String, _ path: String) throws(AgentPluginError) -> WebURL {
    let text = host.contains("://") ? host + path : "http://\(host)\(path)"
    do { return try WebURL(text, scheme: .http) } catch {
      throw failure(.invalidArgument, "the address of the metadata service \(error): \(host)", error)
    }
  }

  func failure(
    _ code: AgentPluginError.Code, _ message: String, _ cause: (any Error)? = nil
  ) -> AgentPluginError {
    AgentPluginError(code, "nodeattestor(\(plugin)): \(message)", cause: cause)
  }
}
