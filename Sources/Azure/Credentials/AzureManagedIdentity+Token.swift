import Daemon
import HTTP
import Keys
import SPIFFE

/// How each service is asked for a token, and what its refusals mean to a chain.
extension AzureManagedIdentity {
  /// The longest secret of Azure Arc's. In bytes.
  private static let maximumSecret = 4096

  /// - Parameter isProbed: whether somebody else would be asked next: then a machine without this service is found out
  ///   within a second.
  func token(_ web: AzureWeb, isProbed: Bool) async throws(AzureError) -> AzureToken {
    switch self {
    case .machine(let application): return try await machineToken(web, application, isProbed)
    case .appService(let endpoint, let header, let application):
      let values = [("api-version", "2019-08-01")] + (application.map { [("client_id", $0)] } ?? [])
      return try await token(
        web, try Self.request(endpoint, "IDENTITY_ENDPOINT", values, HTTPField("X-IDENTITY-HEADER", header)))
    case .serviceFabric(let endpoint, let header, let fingerprint):
      let request = try Self.request(
        endpoint, "IDENTITY_ENDPOINT", [("api-version", "2019-07-01-preview")], HTTPField("Secret", header))
      return try await token(web, request, .pinned(fingerprint))
    case .arc(let endpoint, let application): return try await arcToken(web, endpoint, application)
    case .cloudShell(let endpoint):
      let url = try Self.url(endpoint, "MSI_ENDPOINT")
      return try await token(
        web,
        HTTPRequest(
          .post, url,
          headers: [
            HTTPField("Metadata", "true"), HTTPField("Content-Type", "application/x-www-form-urlencoded"),
          ],
          body: Array("resource=\(AzureName.encoded(AzureTokens.resource))".utf8)))
    case .machineLearning(let endpoint, let secret, let application):
      let values = [("api-version", "2017-09-01"), ("clientid", application ?? "")]
      return try await token(
        web, try Self.request(endpoint, "MSI_ENDPOINT", values, HTTPField("secret", secret)))
    }
  }

  // MARK: Virtual machines

  private func machineToken(
    _ web: AzureWeb, _ application: String?, _ isProbed: Bool
  ) async throws(AzureError) -> AzureToken {
    let path = "/metadata/identity/oauth2/token"
    if isProbed {
      do throws(AzureError) {
        // Without the header that a request for a token has: any answer will do.
        let probe = HTTPRequest(.get, try web.places.url(AzurePlaces.metadataHost, path))
        _ = try await web.answer(probe, .probe)
      } catch {
        throw error.code == .cancelled ? error : AzureError(.absent, error.message)
      }
    }
    let query =
      "api-version=2018-02-01&resource=\(AzureName.encoded(AzureTokens.resource))"
      + (application.map { "&client_id=\(AzureName.encoded($0))" } ?? "")
    let request = HTTPRequest(
      .get, try web.places.url(AzurePlaces.metadataHost, "\(path)?\(query)"), headers: [HTTPField("Metadata", "true")])
    let answer = try await web.answer(request, .machine)
    switch answer.status {
    case 200:
      // Something else that listens at the same address, a proxy say.
      guard let document = try? JSONValue(parsing: answer.body) else {
        throw AzureError(.absent, "\(AzureWeb.name(request)): the answer is no JSON")
      }
      return try AzureToken(document, at: web.time.now)
    case 400 where application == nil, 403 where String(decoding: answer.body, as: UTF8.self).contains("unreachable"):
      throw AzureError(.absent, AzureWeb.failure(request, answer).message)
    case 400:
      throw AzureError(
        .refused,
        "the requested identity isn't assigned to this resource: \(AzureWeb.failure(request, answer).message)")
    default: throw AzureWeb.failure(request, answer)
    }
  }

  // MARK: Azure Arc

  private func arcToken(
    _ web: AzureWeb, _ endpoint: String, _ application: String?
  ) async throws(AzureError) -> AzureToken {
    let values = [("api-version", "2020-06-01")] + (application.map { [("client_id", $0)] } ?? [])
    var request = try Self.request(endpoint, "IDENTITY_ENDPOINT", values, HTTPField("Metadata", "true"))
    let challenge = try await web.answer(request, .machine)
    guard challenge.status == 401 else {
      throw AzureError(
        .refused, "\(AzureWeb.name(request)): expected a 401 response, received \(challenge.status)")
    }
    let secret = try await Self.arcSecret(challenge, web.places.arcFolder)
    request.headers.append(HTTPField("Authorization", "Basic \(secret)"))
    let document = try await web.json(request, .machine)
    // An agent that knows of one identity only gives its token, whichever is asked for.
    if let application {
      guard document["client_id"]?.string?.lowercased() == application.lowercased() else {
        throw AzureError(.refused, "Azure Arc gave a token of another identity than AZURE_CLIENT_ID names")
      }
    }
    return try AzureToken(document, at: web.time.now)
  }

  /// The file that the challenge names: one of the folder that only Azure Arc's agent writes to, and no other.
  static func arcPath(_ header: String?, _ folder: String) throws(AzureError) -> String {
    let prefix = "Basic realm="
    guard let header, header.hasPrefix(prefix) else {
      throw AzureError(.refused, "the challenge of Azure Arc names no file")
    }
    let path = String(header.dropFirst(prefix.count))
    let name = path.dropFirst(folder.count + 1)
    guard path.hasPrefix(folder + "/"), name.hasSuffix(".key"), name.utf8.count > 4, !name.contains("/"),
      name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else {
      throw AzureError(
        .refused,
        "the challenge of Azure Arc names \(GoText.quote(String(path.prefix(200)))), which is no key in \(folder)")
    }
    return path
  }

  private static func arcSecret(_ challenge: HTTPAnswer, _ folder: String) async throws(AzureError) -> String {
    let path = try arcPath(challenge.header("WWW-Authenticate"), folder)
    let read: [UInt8]?
    do { read = try await BackgroundWork.run { try BoundedFile.read(path, limit: maximumSecret) } } catch {
      throw AzureError(.configuration, "the key of Azure Arc \(path) cannot be read: \(error)")
    }
    guard let read, !read.isEmpty, read.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
      throw AzureError(.configuration, "the key of Azure Arc \(path) is not there or is no text")
    }
    return String(decoding: read, as: UTF8.self)
  }

  // MARK: Requests

  private func token(
    _ web: AzureWeb, _ request: HTTPRequest, _ way: AzureWeb.Way = .machine
  ) async throws(AzureError) -> AzureToken {
    try AzureToken(try await web.json(request, way), at: web.time.now)
  }

  private static func request(
    _ endpoint: String, _ variable: String, _ values: [(String, String)], _ header: HTTPField
  ) throws(AzureError) -> HTTPRequest {
    let url = try url(endpoint, variable)
    return HTTPRequest(.get, url.setting(values + [("resource", AzureTokens.resource)]), headers: [header])
  }

  private static func url(_ endpoint: String, _ variable: String) throws(AzureError) -> WebURL {
    do { return try WebURL(anyScheme: endpoint) } catch { throw AzureError(.configuration, "\(variable) \(error)") }
  }
}
