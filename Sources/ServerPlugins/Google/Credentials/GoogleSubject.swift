import Daemon
import FoundationEssentials
import HTTP
import Keys
import SPIFFE

/// Where the other platform's token comes from. Its parts come from a file that an operator names. A value.
enum GoogleSubject: Sendable {
  /// How the token stands in what a file or a server gives.
  enum Format: Hashable, Sendable {
    case text
    case json(field: String)
  }

  case file(path: String, Format)
  case url(WebURL, headers: [HTTPField], Format)
  case executable(GoogleExecutable)
  case amazon(GoogleAmazonSubject)

  static let maximumSize = 1 << 20

  init(_ source: JSONValue) throws(GoogleCredentials.Fault) {
    func text(_ name: String) -> String { source[name]?.string ?? "" }
    let kind = text("environment_id")
    if kind.hasPrefix("aws") {
      guard kind == "aws1" else {
        throw GoogleCredentials.Fault("has an environment_id that is not supported: \(GoText.quote(kind))")
      }
      self = .amazon(try GoogleAmazonSubject(source))
    } else if !text("file").isEmpty {
      self = .file(path: text("file"), try Self.format(source["format"]))
    } else if !text("url").isEmpty {
      let url: WebURL
      do { url = try WebURL(anyScheme: text("url")) } catch {
        throw GoogleCredentials.Fault("has a credential_source.url that \(error)")
      }
      // What comes back is as good as a password.
      guard url.scheme == .https || GoogleHosts.isNear(url.host) else {
        throw GoogleCredentials.Fault("has a credential_source.url of another machine without https")
      }
      let headers = (source["headers"]?.object?.members ?? []).map { HTTPField($0.name, $0.value.string ?? "") }
      self = .url(url, headers: headers, try Self.format(source["format"]))
    } else if let executable = source["executable"] {
      self = .executable(try GoogleExecutable(executable))
    } else if source["certificate"] != nil {
      throw GoogleCredentials.Fault("has credential_source.certificate, which is not supported")
    } else {
      throw GoogleCredentials.Fault("has a credential_source without file, url, executable or environment_id")
    }
  }

  private static func format(_ format: JSONValue?) throws(GoogleCredentials.Fault) -> Format {
    switch format?["type"]?.string ?? "" {
    case "", "text": return .text
    case "json":
      guard let field = format?["subject_token_field_name"]?.string, !field.isEmpty else {
        throw GoogleCredentials.Fault("has a json format without subject_token_field_name")
      }
      return .json(field: field)
    default: throw GoogleCredentials.Fault("has a credential_source.format of a type that is not supported")
    }
  }

  func token(for account: GoogleExternalAccount, _ web: GoogleWeb) async throws(ServerPluginError) -> String {
    switch self {
    case .file(let path, let format):
      let read: [UInt8]?
      do { read = try await BackgroundWork.run { try BoundedFile.read(path, limit: Self.maximumSize) } } catch {
        throw ServerPluginError(.internal, "failed to read credential file \(GoText.quote(path)): \(error)")
      }
      guard let read else {
        throw ServerPluginError(.internal, "failed to open credential file \(GoText.quote(path))")
      }
      return try Self.token(in: read, format)
    case .url(let url, let headers, let format):
      let request = HTTPRequest(.get, url, headers: headers)
      return try Self.token(in: try await web.bytes(request, onMachine: url.scheme == .http), format)
    case .executable(let executable): return try await executable.token(for: account, web)
    case .amazon(let subject): return try await subject.token(for: account, web)
    }
  }

  /// The token in what a file or a server gave.
  static func token(in bytes: [UInt8], _ format: Format) throws(ServerPluginError) -> String {
    switch format {
    case .text:
      let text = String(decoding: bytes, as: UTF8.self).drop(while: \.isWhitespace)
      return String(text.reversed().drop(while: \.isWhitespace).reversed())
    case .json(let field):
      guard let document = try? JSONValue(parsing: bytes) else {
        throw ServerPluginError(.internal, "the subject token's source is no JSON")
      }
      guard let token = document[field]?.string else {
        throw ServerPluginError(.internal, "provided subject_token_field_name not found in credentials")
      }
      return token
    }
  }
}
