import CryptoExtras
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import Plugins
import SPIFFE
import Synchronization
import Testing
import X509

@testable import ServerPlugins

/// The server's half of `gcp_iit`, against a Google of the tests' own: certificates, the token endpoint and Compute
/// Engine, in the forms of Google's documentation.
@Suite struct GCPIITAttestorTests {
  private static let signer = try? _RSA.Signing.PrivateKey(keySize: .bits2048)
  private let now = Date()

  private func token(
    project: String = "shop", audience: String = "spire-gcp-node-attestor", instance: String = "8087716956832600000"
  ) throws -> [UInt8] {
    let end = Int(now.timeIntervalSince1970) + 3600
    let claims = """
      {"aud":"\(audience)","azp":"1","email":"build@shop.iam.gserviceaccount.com","exp":\(end),"iat":\(end - 3600),\
      "google":{"compute_engine":{"instance_creation_timestamp":1152921504,"instance_id":"\(instance)",\
      "instance_name":"web-1","project_id":"\(project)","project_number":739419398126,"zone":"us-west1-a"}},\
      "iss":"https://accounts.google.com","sub":"1"}
      """
    let header = #"{"alg":"RS256","kid":"k1","typ":"JWT"}"#
    let signed = "\(Base64.encodeURL(Array(header.utf8))).\(Base64.encodeURL(Array(claims.utf8)))"
    let signature = try #require(Self.signer).signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
    return Array("\(signed).\(Base64.encodeURL(Array(signature.rawRepresentation)))".utf8)
  }

  /// Google: what it is asked, and what it says of the one instance.
  private func google(_ request: TestWebServer.Request, _ instance: String) -> TestWebServer.Answer {
    func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }
    switch request.head.uri {
    case "/certs":
      guard let key = Self.signer, let pem = try? Self.certificate(key) else { return .hangUp }
      return page(#"{"k1":"\#(pem.replacingOccurrences(of: "\n", with: "\\n"))"}"#)
    case "/compute/v1/projects/shop/zones/us-west1-a/instances/web-1":
      guard request.head.headers["authorization"] == ["Bearer ya29.t"] else { return .page(401, [], []) }
      return page(instance)
    case "/token",
      "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/compute.readonly":
      return page(#"{"access_token":"ya29.t","expires_in":3599,"token_type":"Bearer"}"#)
    default: return .page(404, [], [])
    }
  }

  private static func certificate(_ key: _RSA.Signing.PrivateKey) throws -> String {
    let name = try DistinguishedName { CommonName("tokens") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(),
      notValidAfter: Date() + 3600, issuer: name, subject: name, signatureAlgorithm: .sha256WithRSAEncryption,
      extensions: .init(), issuerPrivateKey: .init(key))
    return PEM.encode(try X509Certificates.der(of: certificate), type: "CERTIFICATE")
  }

  private func with(
    _ configuration: String, instance: String = "{}",
    _ body: @Sendable (GCPIITAttestor, TestHost, TestWebServer) async throws -> Void
  ) async throws {
    try await TestWebServer.with(nil, reply: { google($0, instance) }) { server in
      let place = "http://127.0.0.1:\(server.port)"
      var services = GoogleServices(security: HTTPSecurity(.web(.system(environment: [:]))), environment: [:])
      (services.certificates, services.compute, services.metadata) = (place + "/certs", place, place)
      services.elsewhere["oauth2.googleapis.com"] = place
      let host = try TestHost(now: now)
      let attestor = GCPIITAttestor(host: host, google: services, time: PatientTime(now: now))
      try attestor.configure(PluginData(text: configuration))
      try await body(attestor, host, server)
    }
  }

  /// What the attestor refuses these bytes with.
  private func says(_ attestor: GCPIITAttestor, _ bytes: [UInt8]) async throws -> String {
    try await refusal { try await attest(attestor, bytes) }
  }

  private func attest(_ attestor: GCPIITAttestor, _ token: [UInt8]) async throws -> Attested {
    Attested(try await attestor.attest(token, with: TestAgentSide { _ in [] }))
  }

  @Test func anInstanceOfAnAllowedProjectIsAttestedOnce() async throws {
    let token = try token()
    try await with(#"projectid_allow_list = ["other", "shop"]"#) { attestor, host, server in
      let attested = try await attest(attestor, token)
      #expect(
        attested
          == Attested(
            "/gcp_iit/shop/8087716956832600000",
            [
              "project-id:shop", "zone:us-west1-a", "instance-name:web-1", "sa:build@shop.iam.gserviceaccount.com",
            ], canReattest: false))
      #expect(server.script.requests.map(\.uri) == ["/certs"])
      host.known.withLock { _ = $0.insert(attested.id) }
      let said1 = try await says(attestor, token)
      #expect(
        said1
          == "PermissionDenied: attestation data has already been used to attest an agent")
    }
  }

  @Test func whatTheInstanceHasBecomesSelectors() async throws {
    let instance = """
      {"tags":{"items":["http","https"]},"serviceAccounts":[{"email":"a@shop"}],"labels":{"team":"x","secret":"y"},
      "metadata":{"items":[{"key":"role","value":"web:1"},{"key":"ssh-keys","value":"k"},{"key":"none"}]}}
      """
    let token = try token()
    let configuration = """
      projectid_allow_list = ["shop"], use_instance_metadata = true
      allowed_label_keys = ["team"], allowed_metadata_keys = ["role", "none"]
      agent_path_template = "/{{ .PluginName }}/{{ .ServiceAccount }}/{{ .ProjectNumber }}/{{ .InstanceName }}"
      """
    try await with(configuration, instance: instance) { attestor, _, _ in
      let said2 = try await attest(attestor, token)
      #expect(
        said2
          == Attested(
            "/gcp_iit/build_shop.iam.gserviceaccount.com/739419398126/web-1",
            [
              "project-id:shop", "zone:us-west1-a", "instance-name:web-1", "sa:build@shop.iam.gserviceaccount.com",
              "tag:http", "tag:https", "label:team:x", "metadata:role:web:1", "metadata:none:",
            ], canReattest: false))
    }
    let long = #"{"metadata":{"items":[{"key":"role","value":"\#(String(repeating: "x", count: 129))"}]}}"#
    try await with(configuration, instance: long) { attestor, _, _ in
      let said3 = try await says(attestor, token)
      #expect(
        said3
          == #"Internal: metadata "role" exceeded value limit (129 > 128)"#)
    }
  }

  @Test func aServiceAccountSignsForItsAccessToken() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("account.json")
    let signer = try #require(Self.signer)
    let pem = signer.pemRepresentation.replacingOccurrences(of: "\n", with: "\\n")
    let token = try token()
    let now = now
    let configuration =
      #"projectid_allow_list = ["shop"], use_instance_metadata = true, service_account_file = "\#(file.path)""#
    try await with(configuration) { attestor, _, server in
      let said4 = try await says(attestor, token)
      #expect(
        said4
          == "Internal: failed to fetch instance metadata: the service account file \(file.path) is not there")
      try Data(
        """
        {"type":"service_account","client_email":"spire@shop","private_key_id":"p1","private_key":"\(pem)",
        "token_uri":"https://oauth2.googleapis.com/token"}
        """.utf8
      ).write(to: file)
      _ = try await attest(attestor, token)
      _ = try await attest(attestor, token)
      let asked = server.script.received.filter { $0.head.uri == "/token" }
      #expect(asked.count == 1, "an access token is kept")
      let body = String(decoding: try #require(asked.first).body, as: UTF8.self)
      let prefix = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
      #expect(body.hasPrefix(prefix))
      let assertion = try CompactJWS(parsing: String(body.dropFirst(prefix.count)))
      let key = try PublicKey(signer.publicKey)
      #expect(assertion.isSigned(by: key))
      let issued = Int(now.timeIntervalSince1970)
      #expect(
        String(decoding: assertion.payload, as: UTF8.self)
          == #"{"iss":"spire@shop","scope":"https://www.googleapis.com/auth/compute.readonly","#
          + #""aud":"https://oauth2.googleapis.com/token","iat":\#(issued),"exp":\#(issued + 3600)}"#)
    }
  }

  /// What Google's tools leave behind counts where nothing else is named; a file that is named must be a service account's.
  @Test func whoeverLoggedInWithGooglesTools() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("application_default_credentials.json").path
    var services = GoogleServices(security: HTTPSecurity(.web(.system(environment: [:]))), environment: [:])
    #expect(services.credentialsFile == "")
    services.environment = ["CLOUDSDK_CONFIG": folder.path]
    #expect(services.credentialsFile == "")
    try #"{"type":"authorized_user","client_id":"c.apps","client_secret":"s&","refresh_token":"1//r"}"#
      .write(toFile: file, atomically: true, encoding: .utf8)
    #expect(services.credentialsFile == file)
    services.environment["GOOGLE_APPLICATION_CREDENTIALS"] = "/named"
    #expect(services.credentialsFile == "/named")
    let said = try await refusal { try await GoogleCredentials.read(file, accountsOnly: true) }
    #expect(
      said == #"Internal: the service account file \#(file) is of the type "authorized_user", which is not supported"#)
  }

  @Test func whatIsNotAllowedIsRefused() async throws {
    let tokens = [
      try token(project: "other"), try token(audience: "spire"), Array("a.b".utf8), try token(instance: "a/b"),
    ]
    try await with(#"projectid_allow_list = ["shop"]"#) { attestor, _, _ in
      let said5 = try await says(attestor, tokens[0])
      #expect(
        said5
          == #"PermissionDenied: identity token project ID "other" is not in the allow list"#)
      let said6 = try await says(attestor, tokens[1])
      #expect(
        said6
          == "PermissionDenied: failed to validate the identity token claims: go-jose/go-jose/jwt: validation failed, "
          + "invalid audience claim (aud)")
      let said7 = try await says(attestor, tokens[2])
      #expect(
        said7.hasPrefix(
          "InvalidArgument: unable to parse the identity token: "))
      let said8 = try await says(attestor, tokens[3])
      #expect(
        said8.hasPrefix("Internal: failed to create agent ID: "))
    }
  }

  @Test func configurationIsChecked() async throws {
    for (text, expected) in [
      ("", "InvalidArgument: projectid_allow_list is required"),
      (
        #"projectid_allow_list = ["p"], agent_path_template = "/{{ .Nothing }}""#,
        "InvalidArgument: failed to parse agent path template"
      ),
    ] {
      let message = try await refusal { try GCPIITSettings(PluginData(text: text)) }
      #expect(message.hasPrefix(expected), "\(message)")
    }
  }
}
