import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// Asks Google's services, and what gives the server's own machine a token, on the terms of ``AttestorPeer``. A value; keeps
/// nothing.
struct GoogleWeb: Sendable {
  let google: GoogleServices
  let time: any TimeSource
  private let services: AttestorHTTP
  private let machine: AttestorHTTP

  init(_ google: GoogleServices, time: any TimeSource) {
    self.google = google
    self.time = time
    services = AttestorHTTP(.googleServices, environment: google.environment)
    machine = AttestorHTTP(.googleMachine)
  }

  /// The JSON of an answer with status 200.
  ///
  /// - Parameter onMachine: whether a proxy could not know the way.
  func json(_ request: HTTPRequest, onMachine: Bool = false) async throws(ServerPluginError) -> JSONValue {
    let body = try await bytes(request, onMachine: onMachine)
    do { return try JSONValue(parsing: body) } catch {
      throw ServerPluginError(.unavailable, "\(Self.place(request)): the answer is no JSON", cause: error)
    }
  }

  /// The body of an answer with status 200.
  func bytes(_ request: HTTPRequest, onMachine: Bool = false) async throws(ServerPluginError) -> [UInt8] {
    var sent = request
    sent.url = try google.reached(request.url)
    let answer: HTTPAnswer
    do {
      answer = try await (onMachine ? machine : services).send(sent, over: .named(by: sent.url, google.security))
    } catch { throw ServerPluginError(.unavailable, "\(Self.place(request)): \(error)", cause: error) }
    guard answer.status == 200 else {
      throw ServerPluginError(
        answer.status == 401 ? .permissionDenied : .unavailable,
        "\(Self.place(request)) answers with status \(answer.status): \(GoText.quote(Self.said(answer)))")
    }
    return answer.body
  }

  /// What Google says of an error, in the forms of its services and of its token endpoints: at most 300 letters.
  private static func said(_ answer: HTTPAnswer) -> String {
    let document = try? JSONValue(parsing: answer.body)
    let error = document?["error"]
    let parts = [
      error?.string, error?["message"]?.string ?? document?["error_description"]?.string,
    ].compactMap { $0 }
    return String((parts.isEmpty ? answer.reason : parts.joined(separator: ": ")).prefix(300))
  }

  private static func place(_ request: HTTPRequest) -> String {
    "\(request.method.rawValue) \(request.url.hostAndPort)"
  }
}

/// The body of a form. A value.
enum GoogleForm {
  static func request(
    _ url: WebURL, _ values: [(name: String, value: String)], headers: [HTTPField] = []
  ) -> HTTPRequest {
    let body = values.map { "\($0.name)=\(encode($0.value))" }.joined(separator: "&")
    return HTTPRequest(
      .post, url, headers: [HTTPField("Content-Type", "application/x-www-form-urlencoded")] + headers,
      body: Array(body.utf8))
  }

  /// With everything percent-encoded that is not unreserved (RFC 3986 §2.3).
  static func encode(_ text: String) -> String {
    let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      bytes += plain.contains(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
