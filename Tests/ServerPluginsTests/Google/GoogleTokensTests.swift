import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import SPIFFE
import Testing

@testable import ServerPlugins

/// Application Default Credentials of each type, against a Google of the tests' own: what is sent where, in the forms of
/// Google's documentation.
@Suite(.timeLimit(.minutes(4))) struct GoogleTokensTests {
  private static let scope = "https://www.googleapis.com/auth/compute.readonly"
  private static let account = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
  private static let impersonation = account + "spire@shop.iam.gserviceaccount.com:generateAccessToken"
  private let folder: TemporaryFolder
  private let time = TestTime(Date(timeIntervalSince1970: 1_780_000_000))

  init() throws { folder = try TemporaryFolder() }

  private static func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }

  /// Google, the machine's metadata server and Amazon's metadata service; each at a path that begins with its host.
  private static func answer(_ request: TestWebServer.Request) -> TestWebServer.Answer {
    switch request.head.uri {
    case "/sts.googleapis.com/v1/token": page(#"{"access_token":"federated","expires_in":3600,"token_type":"Bearer"}"#)
    case "/oauth2.googleapis.com/token": page(#"{"access_token":"direct","expires_in":3600}"#)
    case let uri where uri.hasPrefix("/iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"):
      page(#"{"accessToken":"impersonated","expireTime":"2026-05-28T21:26:40Z"}"#)
    case "/169.254.169.254/latest/api/token": page("session")
    case "/169.254.169.254/latest/meta-data/iam/security-credentials": page("a-role")
    case "/169.254.169.254/latest/meta-data/iam/security-credentials/a-role":
      page(#"{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG","Token":"tok"}"#)
    case "/169.254.169.254/latest/meta-data/placement/availability-zone": page("us-east-2b")
    case "/169.254.169.254/subject": page(#"{"token":{"value":1},"access_token":"from-url"}"#)
    case let uri where uri.hasPrefix("/metadata.google.internal/computeMetadata/v1/"):
      page(#"{"access_token":"machine","expires_in":3599}"#)
    default: .page(404, [], [])
    }
  }

  private func run(
    _ document: String?, environment: [String: String] = [:],
    reply: @escaping @Sendable (TestWebServer.Request) -> TestWebServer.Answer = answer,
    _ body: @Sendable (GoogleTokens, TestWebServer) async throws -> Void
  ) async throws {
    var environment = environment
    if let document {
      try document.write(toFile: folder.file("adc.json"), atomically: true, encoding: .utf8)
      environment["GOOGLE_APPLICATION_CREDENTIALS"] = folder.file("adc.json")
    }
    let variables = environment
    try await TestWebServer.with(nil, reply: reply) { server in
      var google = GoogleServices(security: HTTPSecurity(.web(.system(environment: [:]))), environment: variables)
      for host in [
        "sts.googleapis.com", "oauth2.googleapis.com", "iamcredentials.googleapis.com", "169.254.169.254",
        "metadata.google.internal",
      ] { google.elsewhere[host] = "http://127.0.0.1:\(server.port)/\(host)" }
      try await body(GoogleTokens(GoogleWeb(google, time: time)), server)
    }
  }

  private func token(_ tokens: GoogleTokens) async throws -> String {
    try await tokens.token(accountFile: "", scope: Self.scope)
  }

  private func says(_ tokens: GoogleTokens) async throws -> String { try await refusal { try await token(tokens) } }

  private func body(_ request: TestWebServer.Request?) throws -> String {
    String(decoding: try #require(request).body, as: UTF8.self)
  }

  private func external(_ source: String, more: String = "") -> String {
    """
    {"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/\
    providers/x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":\
    "https://sts.googleapis.com/v1/token","credential_source":\(source)\(more)}
    """
  }

  private static let exchange =
    "audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fp%2Fproviders%2Fx"
    + "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
    + "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"

  // MARK: Types

  @Test func whoeverLoggedInIsRefreshed() async throws {
    try await run(#"{"type":"authorized_user","client_id":"c.apps","client_secret":"s&","refresh_token":"1//r"}"#) {
      tokens, server in
      let given1 = try await token(tokens)
      #expect(given1 == "direct")
      let sent13 = try body(server.script.received.first)
      #expect(
        sent13
          == "grant_type=refresh_token&client_id=c.apps&client_secret=s%26&refresh_token=1%2F%2Fr")
    }
  }

  @Test func theMetadataServerIsAskedLast() async throws {
    try await run(nil) { tokens, server in
      let given2 = try await token(tokens)
      #expect(given2 == "machine")
      #expect(
        server.script.requests.map(\.uri) == [
          "/metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token?scopes=" + Self.scope
        ])
      #expect(server.script.requests.first?.headers["metadata-flavor"] == ["Google"])
    }
    try await run(nil, reply: { _ in .page(404, [], []) }) { tokens, _ in
      let said = try await says(tokens)
      #expect(
        said == "Unavailable: could not find default credentials: GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud "
          + "left none, and the metadata server gives no token: GET metadata.google.internal:80 answers with status "
          + "404: \"Not Found\"")
    }
  }

  @Test func anotherAccountIsAskedForByTheSource() async throws {
    let source = #"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#
    try await run(
      """
      {"type":"impersonated_service_account","delegates":["a@b"],"service_account_impersonation_url":\
      "\(Self.impersonation)","source_credentials":\(source)}
      """
    ) { tokens, server in
      let given3 = try await token(tokens)
      #expect(given3 == "impersonated")
      let asked = try #require(server.script.received.last)
      #expect(asked.head.uri.hasSuffix("/spire@shop.iam.gserviceaccount.com:generateAccessToken"))
      #expect(asked.head.headers["authorization"] == ["Bearer direct"])
      let asked17 = try JSONValue(parsing: asked.body)
      #expect(
        asked17
          == ["lifetime": "3600s", "scope": [.string(Self.scope)], "delegates": ["a@b"]])
    }
  }

  // MARK: Other platforms

  @Test(arguments: [
    (#"{"file":"FILE"}"#, "\n h.p.s \n"), (#"{"file":"FILE","format":{"type":"text"}}"#, "h.p.s"),
    (
      #"{"file":"FILE","format":{"type":"json","subject_token_field_name":"id"}}"#, #"{"id":"h.p.s","other":"x"}"#
    ),
  ])
  func aFilesTokenIsExchanged(_ source: String, _ content: String) async throws {
    try content.write(toFile: folder.file("subject"), atomically: true, encoding: .utf8)
    let source = source.replacingOccurrences(of: "FILE", with: folder.file("subject"))
    try await run(external(source)) { tokens, server in
      let given4 = try await token(tokens)
      #expect(given4 == "federated")
      let sent14 = try body(server.script.received.first)
      #expect(
        sent14
          == Self.exchange + "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcompute.readonly&subject_token=h.p.s"
          + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt")
      #expect(server.script.requests.first?.headers["authorization"] == [])
    }
  }

  @Test func aServersTokenIsExchangedAndAnAccountsIsAskedFor() async throws {
    let source = """
      {"url":"http://169.254.169.254/subject","headers":{"Metadata":"True"},\
      "format":{"type":"json","subject_token_field_name":"access_token"}}
      """
    let more = """
      ,"service_account_impersonation_url":"\(Self.impersonation)",\
      "service_account_impersonation":{"token_lifetime_seconds":600},"client_id":"id","client_secret":"secret"
      """
    try await run(external(source, more: more)) { tokens, server in
      let given5 = try await token(tokens)
      #expect(given5 == "impersonated")
      let (subject, exchange, account) = (
        server.script.received[0], server.script.received[1], server.script.received[2]
      )
      #expect(subject.head.headers["metadata"] == ["True"])
      #expect(exchange.head.headers["authorization"] == ["Basic aWQ6c2VjcmV0"])
      let sent15 = try body(exchange)
      #expect(
        sent15
          == Self.exchange + "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&subject_token=from-url"
          + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt")
      #expect(account.head.headers["authorization"] == ["Bearer federated"])
      let asked16 = try JSONValue(parsing: account.body)
      #expect(asked16 == ["lifetime": "600s", "scope": [.string(Self.scope)]])
    }
  }

  private static let amazon = """
    {"environment_id":"aws1","region_url":"http://169.254.169.254/latest/meta-data/placement/availability-zone",\
    "url":"http://169.254.169.254/latest/meta-data/iam/security-credentials",\
    "imdsv2_session_token_url":"http://169.254.169.254/latest/api/token",\
    "regional_cred_verification_url":"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}
    """

  private func call(_ request: TestWebServer.Request?) throws -> JSONValue {
    let form = try #require(URLComponents(string: "?" + body(request))?.queryItems)
    let encoded = try #require(form.first { $0.name == "subject_token" }?.value)
    return try JSONValue(parsing: Array(try #require(encoded.removingPercentEncoding).utf8))
  }

  /// The signature is recomputed by hand from Amazon's rules in the next test's fixture; here it is what is asked.
  @Test func amazonsMachineSignsACall() async throws {
    try await run(external(Self.amazon)) { tokens, server in
      let given6 = try await token(tokens)
      #expect(given6 == "federated")
      #expect(
        server.script.requests.map { "\($0.method) \($0.uri)" }.dropLast() == [
          "PUT /169.254.169.254/latest/api/token",
          "GET /169.254.169.254/latest/meta-data/iam/security-credentials",
          "GET /169.254.169.254/latest/meta-data/iam/security-credentials/a-role",
          "GET /169.254.169.254/latest/meta-data/placement/availability-zone",
        ])
      #expect(
        server.script.requests[1...3].allSatisfy { $0.headers["x-aws-ec2-metadata-token"] == ["session"] })
      let call = try call(server.script.received.last)
      #expect(call["method"] == "POST")
      #expect(
        call["url"] == "https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15")
      let headers = try #require(call["headers"]?.array)
      #expect(
        headers.map { $0["key"]?.string } == [
          "authorization", "host", "x-amz-date", "x-amz-security-token", "x-goog-cloud-target-resource",
        ])
      #expect(headers[1]["value"] == "sts.us-east-2.amazonaws.com")
      #expect(headers[3]["value"] == "tok")
      #expect(
        headers[0]["value"]?.string?.contains(
          "/us-east-2/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;"
            + "x-goog-cloud-target-resource, Signature=") == true)
    }
  }

  @Test func theEnvironmentsKeysOfAmazonCountFirst() async throws {
    let environment = [
      "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      "AWS_DEFAULT_REGION": "eu-west-1",
    ]
    try await run(external(Self.amazon), environment: environment) { tokens, server in
      let given7 = try await token(tokens)
      #expect(given7 == "federated")
      #expect(server.script.requests.count == 1, "the metadata service is not asked")
      let headers = try #require(try call(server.script.received.first)["headers"]?.array)
      // Computed with Python's hmac from the rules of Signature Version 4.
      #expect(
        headers[0]["value"]?.string
          == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260528/eu-west-1/sts/aws4_request, "
          + "SignedHeaders=host;x-amz-date;x-goog-cloud-target-resource, "
          + "Signature=6d0b4e47b56d263bfe52166014c2a2ea16d08365c395e66aa199aed20833305c")
      #expect(headers[2]["value"] == "20260528T202640Z")
    }
  }

  // MARK: Programs

  private func program(_ script: String, more: String = "") throws -> String {
    try "#!/bin/sh\n\(script)\n".write(toFile: folder.file("program"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("program"))
    return external(#"{"executable":{"command":"\#(folder.file("program")) one two"\#(more)}}"#)
  }

  private static let good =
    #"{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"i.d.t","#
    + #""expiration_time":1780000100}"#
  private static let allowed = ["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1", "PATH": "/usr/bin:/bin"]

  @Test func aProgramsTokenIsExchanged() async throws {
    let script =
      #"env | grep ^GOOGLE_EXTERNAL | sort >"${0%/*}/seen"; echo "$@" >>"${0%/*}/seen"; echo '\#(Self.good)'"#
    let document = try program(script)
    try await run(document, environment: Self.allowed) { tokens, server in
      let given8 = try await token(tokens)
      #expect(given8 == "federated")
      let sent18 = try body(server.script.received.first)
      #expect(sent18.contains("&subject_token=i.d.t&"))
    }
    #expect(
      folder.text("seen") == """
        GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1
        GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x
        GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0
        GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=urn:ietf:params:oauth:token-type:jwt
        one two

        """)
  }

  @Test(arguments: [["PATH": "/bin"], ["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "true"]])
  func noProgramRunsUnlessTheEnvironmentAllowsIt(_ environment: [String: String]) async throws {
    let document = try program("touch \"${0%/*}/ran\"")
    try await run(document, environment: environment) { tokens, _ in
      let said = try await says(tokens)
      #expect(said.contains("executables need to be explicitly allowed"))
    }
    #expect(folder.text("ran") == nil)
  }

  @Test(arguments: [
    ("echo nonsense", "unable to parse response"), ("exit 3", "failed with exit code 3"),
    ("echo '{}'", "response missing `\"version\"` field"), ("yes", "printed more than 1048576 bytes"),
    (
      #"echo '{"version":1,"success":false,"code":"401","message":"no"}'"#,
      #"response contains unsuccessful response: ("401") "no""#
    ),
    (#"echo '{"version":2,"success":true}'"#, "response contains unsupported version: 2"),
    (
      #"echo '{"version":1,"success":true,"token_type":"x","expiration_time":1}'"#,
      "the token returned by the executable is expired"
    ),
    (#"echo '{"version":1,"success":true,"token_type":"x"}'"#, "response contains unsupported token type"),
  ])
  func whatProgramsSayOtherwise(_ script: String, _ says: String) async throws {
    let document = try program(script)
    try await run(document, environment: Self.allowed) { tokens, server in
      let said = try await self.says(tokens)
      #expect(said.contains(says), "\(said)")
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func whatAProgramLeftBehindIsUsedWhileItIsGood() async throws {
    let document = try program("exit 9", more: #","output_file":"\#(folder.file("kept"))""#)
    try Self.good.write(toFile: folder.file("kept"), atomically: true, encoding: .utf8)
    try await run(document, environment: Self.allowed) { tokens, _ in
      let given9 = try await token(tokens)
      #expect(given9 == "federated")
    }
    time.advance(by: .seconds(101))
    try await run(document, environment: Self.allowed) { tokens, _ in
      let said = try await says(tokens)
      #expect(said.contains("failed with exit code 9"))
    }
  }

  // MARK: Life

  @Test func tokensAreRenewedAndAnOutageKeepsThem() async throws {
    try await run(nil) { tokens, server in
      let given10 = try await token(tokens)
      #expect(given10 == "machine")
      time.advance(by: .seconds(3599 - 226))
      let given11 = try await token(tokens)
      #expect(given11 == "machine")
      #expect(server.script.requests.count == 1)
      time.advance(by: .seconds(2))
      server.script.reply { _ in .page(503, [], []) }
      for _ in 0..<3 {
        let given12 = try await token(tokens)
        #expect(given12 == "machine")
      }
      #expect(server.script.requests.count == 2)
      time.advance(by: .seconds(225))
      let said = try await says(tokens)
      #expect(said.hasPrefix("Unavailable: could not find default credentials"))
    }
  }

  @Test func anErrorSaysWhichCredentialsFailed() async throws {
    try await run(
      #"{"type":"authorized_user","client_id":"c","client_secret":"hidden","refresh_token":"r"}"#,
      reply: { _ in
        .page(400, [], Array(#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#.utf8))
      }
    ) { tokens, _ in
      let said = try await says(tokens)
      #expect(
        said == "Unavailable: the credentials of \(folder.file("adc.json")) (authorized_user): POST "
          + "oauth2.googleapis.com:443 answers with status 400: \"invalid_grant: Token has been revoked.\"")
    }
  }
}
