import AzureTesting
import Crypto
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import Mutations
import NIOHTTP1
import SPIFFE
import Testing

@testable import Azure

/// Managed identities where the server runs on something else than a virtual machine: how each service is told apart and
/// asked, and what it cannot make the server do.
@Suite(.timeLimit(.minutes(4))) struct AzureManagedIdentityTests {
  private static let resource = "resource=https%3A%2F%2Fmanagement.azure.com"

  private static func places(_ environment: [String: String] = [:]) -> AzurePlaces {
    var places = AzurePlaces(security: HTTPSecurity(.web(.system(environment: [:]))), environment: environment)
    places.arcAgent = "/nonexistent/himds"
    return places
  }

  // MARK: Which it is

  private func of(_ environment: [String: String], agent: String = "/nonexistent") throws -> AzureManagedIdentity {
    var places = Self.places(environment)
    places.arcAgent = agent
    return try AzureManagedIdentity(AzureVariables(environment), places)
  }

  @Test func theServicesAreToldApart() throws {
    let print = String(repeating: "0A", count: 20)
    #expect(try of([:]) == .machine(application: nil))
    #expect(try of(["IDENTITY_ENDPOINT": "http://h"]) == .machine(application: nil))
    #expect(
      try of(["IDENTITY_ENDPOINT": "http://h", "IDENTITY_HEADER": "x", "AZURE_CLIENT_ID": "c", "MSI_ENDPOINT": "m"])
        == .appService(endpoint: "http://h", header: "x", application: "c"))
    #expect(
      try of(["IDENTITY_ENDPOINT": "https://h", "IDENTITY_HEADER": "x", "IDENTITY_SERVER_THUMBPRINT": print])
        == .serviceFabric(endpoint: "https://h", header: "x", fingerprint: Array(repeating: 10, count: 20)))
    #expect(try of(["MSI_ENDPOINT": "http://m"]) == .cloudShell(endpoint: "http://m"))
    #expect(
      try of(["MSI_ENDPOINT": "http://m", "MSI_SECRET": "s", "DEFAULT_IDENTITY_CLIENT_ID": "d"])
        == .machineLearning(endpoint: "http://m", secret: "s", application: "d"))
    #expect(
      try of(["IDENTITY_ENDPOINT": "http://h", "IMDS_ENDPOINT": "http://i"])
        == .arc(endpoint: "http://h", application: nil))
    #expect(
      try of(["AZURE_CLIENT_ID": "c"], agent: "/bin/sh")
        == .arc(endpoint: "http://127.0.0.1:40342/metadata/identity/oauth2/token", application: "c"))
  }

  @Test(arguments: [
    ["IDENTITY_ENDPOINT": "http://h", "IDENTITY_HEADER": "x", "IDENTITY_SERVER_THUMBPRINT": "00"],
    ["IDENTITY_ENDPOINT": "https://h", "IDENTITY_HEADER": "x", "IDENTITY_SERVER_THUMBPRINT": "00"],
    ["MSI_ENDPOINT": "http://m", "AZURE_CLIENT_ID": "c"],
  ])
  func whatCannotBeAskedSo(_ environment: [String: String]) {
    let error = #expect(throws: AzureError.self) { try of(environment) }
    #expect(error?.code == .absent)
  }

  @Test func fingerprintsHaveBlanksAndColons() {
    let bytes = [UInt8](0..<20)
    let text = bytes.map { String(format: "%02X", $0) }
    #expect(AzureManagedIdentity.fingerprint(text.joined(separator: ":")) == bytes)
    #expect(AzureManagedIdentity.fingerprint(text.joined(separator: " ").lowercased()) == bytes)
    #expect(AzureManagedIdentity.fingerprint(text.joined() + "00") == nil)
    #expect(AzureManagedIdentity.fingerprint(String(repeating: "g", count: 40)) == nil)
  }

  // MARK: How it is asked

  private func token(
    _ identity: AzureManagedIdentity, _ places: AzurePlaces = places()
  ) async throws(AzureError) -> AzureToken {
    try await identity.token(AzureWeb(places, time: HastyTime()), isProbed: false)
  }

  private func error(_ identity: AzureManagedIdentity, _ places: AzurePlaces = places()) async -> AzureError? {
    do {
      _ = try await token(identity, places)
      return nil
    } catch { return error }
  }

  private func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }

  @Test func theEndMayBeAMoment() async throws {
    let end = Int(Date().timeIntervalSince1970) + 1000
    try await TestWebServer.with(
      nil, answer: { _ in page(#"{"access_token":"t","expires_on":"\#(end)","resource":"r"}"#) }
    ) { server in
      let token = try await token(
        .appService(endpoint: "http://127.0.0.1:\(server.port)/token?a=b", header: "h", application: "c"))
      #expect(token.text == "t")
      #expect((.seconds(990)...(.seconds(1000))).contains(token.lifetime))
      #expect(token.renewal == token.lifetime - .seconds(300))
      #expect(
        server.script.requests.map(\.uri) == ["/token?a=b&api-version=2019-08-01&client_id=c&" + Self.resource])
      #expect(server.script.requests.first?.headers["x-identity-header"] == ["h"])
    }
  }

  @Test func cloudShellAndMachineLearning() async throws {
    try await TestWebServer.with(nil, answer: { _ in page(#"{"access_token":"t","expires_in":9}"#) }) { server in
      let endpoint = "http://127.0.0.1:\(server.port)/msi"
      _ = try await token(.cloudShell(endpoint: endpoint))
      _ = try await token(.machineLearning(endpoint: endpoint, secret: "s", application: nil))
      let (shell, learning) = (server.script.received[0], server.script.received[1])
      #expect(shell.head.method == .POST)
      #expect(shell.head.uri == "/msi")
      #expect(shell.head.headers["metadata"] == ["true"])
      #expect(String(decoding: shell.body, as: UTF8.self) == Self.resource)
      #expect(learning.head.uri == "/msi?api-version=2017-09-01&clientid=&" + Self.resource)
      #expect(learning.head.headers["secret"] == ["s"])
    }
  }

  // MARK: Service Fabric

  @Test func serviceFabricsServiceIsKnownByItsCertificate() async throws {
    let pki = try TestPKI("fabric.test")
    let certificate = try pki.server(hosts: ["nobody.test"])
    try await TestWebServer.with(
      certificate, answer: { _ in page(#"{"access_token":"t","expires_on":4102444800}"#) }
    ) { server in
      let endpoint = "https://localhost:\(server.port)/metadata/identity/oauth2/token"
      let fingerprint = Array(Insecure.SHA1.hash(data: certificate.certificate))
      let token = try await token(.serviceFabric(endpoint: endpoint, header: "h", fingerprint: fingerprint))
      #expect(token.lifetime == .seconds(86400), "no token is believed to live for longer than a day")
      #expect(token.renewal == .seconds(43200))
      let request = try #require(server.script.requests.first)
      #expect(request.uri.hasSuffix("/token?api-version=2019-07-01-preview&" + Self.resource))
      #expect(request.headers["secret"] == ["h"])

      let other = Array(fingerprint.dropLast()) + [fingerprint[19] ^ 1]
      let error = await error(.serviceFabric(endpoint: endpoint, header: "h", fingerprint: other))
      #expect(error?.message.hasSuffix("the certificate has another fingerprint") == true)
      #expect(server.script.requests.count == 1, "the secret is not sent to anybody else")
    }
  }

  // MARK: Azure Arc

  /// An agent of Azure Arc's, which asks for what is in `path`.
  private func arc(
    _ challenge: String, answer: String = #"{"access_token":"t","expires_in":"3600","client_id":"C"}"#,
    _ body: @Sendable (AzureManagedIdentity, TestWebServer) async throws -> Void
  ) async throws {
    try await TestWebServer.with(
      nil,
      reply: { request in
        request.head.headers["authorization"] == ["Basic the-key"]
          ? page(answer) : .page(401, [("WWW-Authenticate", challenge)], [])
      }
    ) { server in
      try await body(.arc(endpoint: "http://127.0.0.1:\(server.port)/token", application: "c"), server)
    }
  }

  @Test func azureArcAsksForAFileThatOnlyItsFriendsMayRead() async throws {
    let folder = try TemporaryFolder()
    var places = Self.places()
    places.arcFolder = folder.path
    try "the-key".write(toFile: folder.file("a.key"), atomically: true, encoding: .utf8)
    let final = places
    try await arc("Basic realm=\(folder.file("a.key"))") { identity, server in
      let given = try await token(identity, final)
      #expect(given.text == "t")
      #expect(
        server.script.requests.map(\.uri)
          == Array(repeating: "/token?api-version=2020-06-01&client_id=c&" + Self.resource, count: 2))
      #expect(server.script.requests.allSatisfy { $0.headers["metadata"] == ["true"] })
    }
    // An agent that knows one identity only gives that one's token.
    try await arc("Basic realm=\(folder.file("a.key"))", answer: #"{"access_token":"t","expires_in":9}"#) {
      identity, _ in
      #expect(
        await error(identity, final)?.message == "Azure Arc gave a token of another identity than AZURE_CLIENT_ID names"
      )
    }
  }

  @Test func challengesThatAreNearlyRight() {
    let folder = "/var/opt/azcmagent/tokens"
    for bytes in Mutations(of: "Basic realm=\(folder)/a.key", count: 3000) {
      let header = String(decoding: bytes, as: UTF8.self)
      guard let path = try? AzureManagedIdentity.arcPath(header, folder) else { continue }
      #expect(path.hasPrefix(folder + "/") && path.hasSuffix(".key") && path.split(separator: "/").count == 5)
    }
  }

  @Test func tokensThatAreNearlyRight() throws {
    for bytes in Mutations(of: #"{"access_token":"abc","expires_on":"1795295445","refresh_in":"1800"}"#, count: 2000) {
      guard let json = try? JSONValue(parsing: bytes), let token = try? AzureToken(json, at: Date()) else { continue }
      #expect(token.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
      #expect(token.lifetime >= .zero && token.lifetime <= .seconds(86400) && token.renewal <= token.lifetime)
    }
  }

  @Test(arguments: [
    "Basic realm=/etc/passwd", "Basic realm=FOLDER/../secret.key", "Basic realm=FOLDER/sub/secret.key",
    "Basic realm=FOLDER/secret.txt", "Basic realm=FOLDER/.key", "Basic realm=FOLDER/", "Bearer", "",
    "Basic realm=FOLDER-evil/secret.key", "Basic realm=FOLDER/huge.key", "Basic realm=FOLDER/missing.key",
    "Basic realm=FOLDER/lines.key",
  ])
  func azureArcsChallengeNamesNoOtherFile(_ challenge: String) async throws {
    let parent = try TemporaryFolder()
    let folder = parent.file("tokens")
    for path in [folder + "/sub", parent.file("tokens-evil")] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    for name in [
      "secret.key", "tokens/sub/secret.key", "tokens/secret.txt", "tokens/.key", "tokens-evil/secret.key",
    ] { try "the-key".write(toFile: parent.file(name), atomically: true, encoding: .utf8) }
    try String(repeating: "x", count: 4097).write(toFile: folder + "/huge.key", atomically: true, encoding: .utf8)
    try "the-key\nX-Other: 1".write(toFile: folder + "/lines.key", atomically: true, encoding: .utf8)
    var places = Self.places()
    places.arcFolder = folder
    let final = places
    try await arc(challenge.replacingOccurrences(of: "FOLDER", with: folder)) { identity, server in
      let error = await error(identity, final)
      #expect(error?.code == .refused || error?.code == .configuration)
      #expect(server.script.requests.count == 1, "nothing of a file is sent")
    }
  }
}
