import Daemon
import FoundationEssentials
import Keys
import Programs
import SPIFFE

/// A program that prints the other platform's token, where the environment allows programs. A value.
struct GoogleExecutable: Sendable {
  /// Why an answer is of no use, and whether a file with it is no reason not to ask the program.
  struct Refusal: Error {
    let text: String
    var mayPass = false
  }

  private let words: [String]
  private let time: Duration
  /// Where the program keeps what it printed; empty for nowhere.
  private let outputFile: String

  init(_ source: JSONValue) throws(GoogleCredentials.Fault) {
    words = (source["command"]?.string ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    guard let program = words.first, program.hasPrefix("/"), !words.contains(where: { $0.contains("\0") }) else {
      throw GoogleCredentials.Fault("has an executable whose command is no absolute path")
    }
    let milliseconds = source["timeout_millis"]?.integer ?? 30000
    guard (5000...120_000).contains(milliseconds) else {
      throw GoogleCredentials.Fault(
        "has an invalid `timeout_millis` field — executable timeout must be between 5 and 120 seconds")
    }
    time = .milliseconds(milliseconds)
    outputFile = source["output_file"]?.string ?? ""
  }

  func token(for account: GoogleExternalAccount, _ web: GoogleWeb) async throws(ServerPluginError) -> String {
    if let kept = try await kept(at: web.time.now) { return kept }
    guard web.google.environment["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] == "1" else {
      throw ServerPluginError(
        .internal,
        "executables need to be explicitly allowed (set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to '1') to run")
    }
    var environment = web.google.environment
    environment["GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE"] = account.audience
    environment["GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE"] = account.tokenType
    environment["GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE"] = "0"
    if let email = account.impersonation?.email {
      environment["GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL"] = email
    }
    if !outputFile.isEmpty { environment["GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE"] = outputFile }
    let program = BoundedProgram(
      words[0], Array(words.dropFirst()), environment: environment,
      bounds: .init(time: time, output: GoogleSubject.maximumSize))
    let output: [UInt8]
    do { output = try await program.output() } catch {
      throw ServerPluginError(.internal, "the executable \(words[0]) \(error)", cause: error)
    }
    do { return try token(in: output, "response", at: web.time.now) } catch {
      throw ServerPluginError(.internal, error.text)
    }
  }

  /// What the program left behind, if it is still good.
  private func kept(at now: Date) async throws(ServerPluginError) -> String? {
    guard !outputFile.isEmpty else { return nil }
    let path = outputFile
    let read = try? await BackgroundWork.run { try BoundedFile.read(path, limit: GoogleSubject.maximumSize) }
    guard let bytes = read ?? nil, !bytes.isEmpty else { return nil }
    do { return try token(in: bytes, "output file", at: now) } catch {
      if error.mayPass { return nil }
      throw ServerPluginError(.internal, error.text)
    }
  }

  func token(in bytes: [UInt8], _ source: String, at now: Date) throws(Refusal) -> String {
    // The answer itself may hold a token; it is not told.
    guard let answer = try? JSONValue(parsing: bytes) else { throw Refusal(text: "unable to parse \(source)") }
    func missing(_ field: String) -> Refusal { Refusal(text: "\(source) missing `\"\(field)\"` field") }
    guard let version = answer["version"]?.integer, version != 0 else { throw missing("version") }
    guard case .bool(let isGood)? = answer["success"] else { throw missing("success") }
    guard isGood else {
      let words = [answer["code"], answer["message"]].map { String(($0?.string ?? "").prefix(200)) }
      guard !words.contains("") else {
        throw Refusal(
          text: "response must include `error` and `message` fields when unsuccessful", mayPass: true)
      }
      throw Refusal(
        text: "response contains unsuccessful response: (\(GoText.quote(words[0]))) \(GoText.quote(words[1]))",
        mayPass: true)
    }
    guard version == 1 else { throw Refusal(text: "\(source) contains unsupported version: \(version)") }
    let end = answer["expiration_time"]?.integer ?? 0
    guard end != 0 || outputFile.isEmpty else { throw missing("expiration_time") }
    guard let type = answer["token_type"]?.string, !type.isEmpty else { throw missing("token_type") }
    guard end == 0 || end >= Int64(now.timeIntervalSince1970) else {
      throw Refusal(text: "the token returned by the executable is expired", mayPass: true)
    }
    let field =
      switch type {
      case "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token": "id_token"
      case "urn:ietf:params:oauth:token-type:saml2": "saml_response"
      default: throw Refusal(text: "\(source) contains unsupported token type")
      }
    guard let token = answer[field]?.string, !token.isEmpty else { throw missing(field) }
    return token
  }
}
