import AzureTesting
import Crypto
import CryptoExtras
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import SPIFFE
import Testing

@testable import Azure

/// Applications that sign in with a certificate, and users with a password: files that OpenSSL made, and what is sent.
@Suite(.timeLimit(.minutes(4))) struct AzureCertificateTests {
  /// A folder with a key and certificates: `own` is the key's, `other` is not.
  private final class Files: Sendable {
    let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      try openssl("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -subj /CN=own -days 2")
      try openssl("req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other -days 2")
    }

    func openssl(_ words: String) throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
      process.arguments = ["openssl"] + words.split(separator: " ").map(String.init)
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "openssl \(words)")
    }

    func text(_ names: String...) throws -> String {
      try names.map { try #require(folder.text($0)) }.joined()
    }

    func der(_ name: String) throws -> [UInt8] { try PEM.decode(text(name), type: "CERTIFICATE")[0] }

    /// A file of its own: these tests run side by side.
    func write(_ text: String) throws -> String {
      let path = folder.file(UUID().uuidString)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
  }

  private static let files = Result { try Files() }
  private let files: Files
  private let azure: TestAzure

  init() throws {
    files = try Self.files.get()
    azure = try TestAzure()
  }

  private func fault(_ bytes: [UInt8], password: String = "") -> String {
    do throws(AzureCertificate.Fault) {
      _ = try AzureCertificate(bytes, password: password)
      return ""
    } catch { return error.text }
  }

  // MARK: Files

  @Test func aPEMFileHasAKeyAndItsCertificateInAnyOrder() throws {
    let own = try files.der("own.pem")
    let other = try files.der("other.pem")
    for names in [["key.pem", "own.pem", "other.pem"], ["other.pem", "own.pem", "key.pem"]] {
      let text = try names.map { try files.text($0) }.joined()
      #expect(try AzureCertificate(Array(text.utf8), password: "").certificates == [own, other])
    }
    try files.openssl("rsa -in key.pem -traditional -out pkcs1.pem")
    #expect(try AzureCertificate(Array(files.text("pkcs1.pem", "own.pem").utf8), password: "").certificates == [own])
  }

  @Test(arguments: [
    ("aes", "", "pässword"), ("none", "", ""),
    ("legacy", "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES -macalg sha1", "x"),
  ])
  func aPKCS12FileIsReadInEachOfItsCiphers(_ name: String, _ options: String, _ password: String) throws {
    try files.openssl(
      "pkcs12 -export -inkey key.pem -in own.pem -certfile other.pem -out \(name).p12 -passout pass:\(password) \(options)"
    )
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: files.folder.file("\(name).p12"))))
    let certificate = try AzureCertificate(bytes, password: password)
    let (own, other) = (try files.der("own.pem"), try files.der("other.pem"))
    #expect(certificate.certificates == [own, other])
    let refused = "is neither PEM nor a PKCS #12 file of AZURE_CLIENT_CERTIFICATE_PASSWORD"
    #expect(fault(bytes, password: "wrong") == refused)
    #expect(fault(Array(bytes.dropLast(100)), password: password) == refused)
  }

  @Test func filesThatAreNone() throws {
    try files.openssl("pkcs8 -topk8 -in key.pem -out encrypted.pem -passout pass:x")
    try files.openssl("ecparam -genkey -name prime256v1 -noout -out sec1.pem")
    try files.openssl("pkcs8 -topk8 -nocrypt -in sec1.pem -out ec.pem")
    func says(_ text: String) -> String { fault(Array(text.utf8)) }
    #expect(says("").hasPrefix("is neither PEM nor"))
    #expect(try says(files.text("own.pem")) == "has 0 private keys")
    #expect(try says(files.text("key.pem", "key.pem", "own.pem")) == "has 2 private keys")
    #expect(try says(files.text("key.pem")) == "has no certificate of its private key")
    #expect(try says(files.text("key.pem", "other.pem")) == "has no certificate of its private key")
    #expect(
      try says(files.text("encrypted.pem", "own.pem"))
        == "has an encrypted private key, which is taken in PKCS #12 only")
    #expect(
      try says(files.text("ec.pem", "own.pem")) == "has a private key that is no RSA key of 2048 bits or more")
    #expect(says("-----BEGIN CERTIFICATE-----\n").hasPrefix("is no PEM"))
  }

  // MARK: What is sent

  private func ask(
    _ credential: AzureCredential, _ body: @Sendable (AzureError?, TestWebServer) async throws -> Void
  ) async throws {
    try await azure.run { places, server in
      let web = AzureWeb(places, time: HastyTime())
      do throws(AzureError) {
        _ = try await AzureTokens(web).token(of: credential)
      } catch {
        try await body(error, server)
        return
      }
      try await body(nil, server)
    }
  }

  private func form(_ request: TestWebServer.Request?) throws -> [String: String] {
    let text = String(decoding: try #require(request).body, as: UTF8.self)
    return try #require(URLComponents(string: "?" + text)?.queryItems).reduce(into: [:]) { $0[$1.name] = $1.value }
  }

  @Test(arguments: [false, true]) func theAssertionIsSignedAsMSALSigns(_ sendsChain: Bool) async throws {
    let path = try files.write(files.text("other.pem", "own.pem", "key.pem"))
    let (own, other) = (try files.der("own.pem"), try files.der("other.pem"))
    let key = try _RSA.Signing.PrivateKey(pemRepresentation: files.text("key.pem")).publicKey
    try await ask(
      .certificate(
        tenant: TestAzure.tenant, application: "app", file: .init(path: path, sendsChain: sendsChain))
    ) { error, server in
      #expect(error == nil)
      let form = try form(server.script.received.first)
      #expect(form["grant_type"] == "client_credentials")
      #expect(form["scope"] == "https://management.azure.com/.default")
      #expect(form["client_id"] == "app")
      #expect(form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
      let parts = try #require(form["client_assertion"]).split(separator: ".").map(String.init)
      let header = try JSONValue(parsing: Base64.decodeURL(parts[0]))
      let thumbprint = Base64.encodeURL(Array(SHA256.hash(data: own)))
      var expected = #"{"alg":"PS256","typ":"JWT","x5t#S256":"\#(thumbprint)""#
      if sendsChain {
        expected += #","x5c":["\#(Data(own).base64EncodedString())","\#(Data(other).base64EncodedString())"]"#
      }
      let wanted = try JSONValue(parsing: Array((expected + "}").utf8))
      #expect(header == wanted)
      let claims = try JSONValue(parsing: Base64.decodeURL(parts[1]))
      #expect(
        claims["aud"]?.string == "https://login.microsoftonline.com/\(TestAzure.tenant)/oauth2/v2.0/token")
      #expect(claims["iss"]?.string == "app")
      #expect(claims["sub"]?.string == "app")
      #expect(UUID(uuidString: claims["jti"]?.string ?? "") != nil)
      let (start, end) = (try #require(claims["nbf"]?.integer), try #require(claims["exp"]?.integer))
      #expect(end - start == 600)
      #expect(claims.object?.members.count == 6)
      // RFC 7518 §3.5: the salt is as long as the digest, which this takes nothing else for.
      let signature = _RSA.Signing.RSASignature(rawRepresentation: Data(try Base64.decodeURL(parts[2])))
      #expect(key.isValidSignature(signature, for: Data("\(parts[0]).\(parts[1])".utf8), padding: .PSS))
    }
  }

  @Test func aFileOfNoUseIsNamedWithoutItsPassword() async throws {
    let path = try files.write("secret content")
    try await ask(
      .certificate(tenant: TestAzure.tenant, application: "a", file: .init(path: path, password: "hunter2"))
    ) { error, server in
      #expect(
        error?.message == "AZURE_CLIENT_CERTIFICATE_PATH: the file \"\(path)\" is neither PEM nor a PKCS #12 file of "
          + "AZURE_CLIENT_CERTIFICATE_PASSWORD")
      #expect(server.script.requests.isEmpty)
    }
  }

  // MARK: Passwords

  private static let user = AzureCredential.password(
    tenant: TestAzure.tenant, application: "app", user: "a+b@contoso.com", password: "p&w")
  private static let realm = "/login.microsoftonline.com/common/UserRealm/a%2Bb%40contoso.com?api-version=1.0"

  @Test func aUsersPasswordIsSentToTheTenantThatKnowsTheUser() async throws {
    azure.replace(Self.realm, #"{"account_type":"Managed","domain_name":"contoso.com"}"#)
    try await ask(Self.user) { error, server in
      #expect(error == nil)
      #expect(
        server.script.requests.map(\.uri)
          == [Self.realm, "/login.microsoftonline.com/\(TestAzure.tenant)/oauth2/v2.0/token"])
      #expect(
        String(decoding: server.script.received[1].body, as: UTF8.self)
          == "grant_type=password&scope=https%3A%2F%2Fmanagement.azure.com%2F.default%20openid%20offline_access%20profile"
          + "&client_id=app&client_info=1&username=a%2Bb%40contoso.com&password=p%26w")
    }
  }

  @Test(arguments: [#"{"account_type":"Federated"}"#, #"{"account_type":"Unknown"}"#, "{}"])
  func otherUsersPasswordsAreSentToNobody(_ answer: String) async throws {
    azure.replace(Self.realm, answer)
    try await ask(Self.user) { error, server in
      #expect(error?.code == .refused)
      #expect(server.script.requests.count == 1)
    }
  }
}
