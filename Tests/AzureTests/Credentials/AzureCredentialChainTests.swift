import AzureTesting
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import SPIFFE
import Testing

@testable import Azure

/// Who the environment says that the server is: which sources there are, in which order they are tried, what goes on and
/// what stops.
@Suite(.timeLimit(.minutes(4))) struct AzureCredentialChainTests {
  private static let imds = "/169.254.169.254/metadata/identity/oauth2/token"
  private static let login = "/login.microsoftonline.com/"
  private let azure: TestAzure

  init() throws { azure = try TestAzure() }

  // MARK: What there is

  /// The states of the sources, in their order.
  private func links(_ environment: [String: String]) throws -> [AzureCredentialChain.Link] {
    var places = AzurePlaces(
      security: HTTPSecurity(.web(.system(environment: [:]))), environment: environment)
    places.arcAgent = "/nonexistent/himds"
    return try AzureCredentialChain(places, tenant: "own").links
  }

  private func found(_ environment: [String: String]) throws -> [AzureCredential] {
    try links(environment).compactMap { if case .found(let credential) = $0.state { credential } else { nil } }
  }

  @Test func theSourcesStandInTheOrderOfAzuresLibraries() throws {
    #expect(
      try links([:]).map(\.name) == [
        "EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential", "AzureCLICredential",
        "AzureDeveloperCLICredential", "AzurePowerShellCredential",
      ])
    #expect(try found([:]) == [.managed(.machine(application: nil)), .commandLine(tenant: "own")])
    let all = [
      "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "AZURE_FEDERATED_TOKEN_FILE": "/f",
      "AZURE_CLIENT_CERTIFICATE_PATH": "/c", "AZURE_USERNAME": "u", "AZURE_PASSWORD": "p",
    ]
    #expect(
      try found(all) == [
        .secret(tenant: "t", application: "c", secret: "s"),
        .tokenFile(tenant: "own", application: "c", path: "/f"), .managed(.machine(application: "c")),
        .commandLine(tenant: "own"),
      ])
  }

  @Test(arguments: [
    (["AZURE_TENANT_ID": ""], "missing environment variable AZURE_TENANT_ID"),
    (["AZURE_TENANT_ID": "t"], "missing environment variable AZURE_CLIENT_ID"),
    (
      ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"],
      "incomplete environment variable configuration. Only AZURE_TENANT_ID and AZURE_CLIENT_ID are set"
    ),
    (["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_USERNAME": "u"], "no value for AZURE_PASSWORD"),
    (
      ["AZURE_TENANT_ID": "a/b", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"],
      "\"a/b\" is no tenant: use its ID or one of its domains"
    ),
    (["AZURE_TENANT_ID": "adfs", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"], "AD FS is not supported"),
  ])
  func whyTheEnvironmentIsNoSource(_ environment: [String: String], _ why: String) throws {
    #expect(try links(environment).first?.state == .missing(why))
  }

  @Test func certificatesAndPasswords() throws {
    let application = ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_USERNAME": "u", "AZURE_PASSWORD": "p"]
    func first(_ more: [String: String]) throws -> AzureCredential? {
      try found(application.merging(more) { $1 }).first
    }
    #expect(try first([:]) == .password(tenant: "t", application: "c", user: "u", password: "p"))
    #expect(
      try first(["AZURE_CLIENT_CERTIFICATE_PATH": "/c.pem"])
        == .certificate(tenant: "t", application: "c", file: .init(path: "/c.pem")))
    for (said, sends) in [("1", true), ("True", true), ("0", false), ("yes", false)] {
      #expect(
        try first([
          "AZURE_CLIENT_CERTIFICATE_PATH": "/c", "AZURE_CLIENT_CERTIFICATE_PASSWORD": "x",
          "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": said,
        ])
          == .certificate(
            tenant: "t", application: "c", file: .init(path: "/c", password: "x", sendsChain: sends)))
    }
  }

  @Test(arguments: [
    ("prod", ["EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential"]),
    ("dev", ["AzureCLICredential", "AzureDeveloperCLICredential", "AzurePowerShellCredential"]),
    ("managedidentitycredential", ["ManagedIdentityCredential"]), ("AzureCLICredential", ["AzureCLICredential"]),
  ])
  func sourcesMayBeChosen(_ chosen: String, _ names: [String]) throws {
    #expect(try links(["AZURE_TOKEN_CREDENTIALS": chosen]).map(\.name) == names)
  }

  @Test(arguments: ["", "PROD", "VisualStudioCredential", "AzurePowerShellCredential", "AzureDeveloperCLICredential"])
  func choicesThatAreNone(_ chosen: String) {
    let error = #expect(throws: AzureError.self) { try links(["AZURE_TOKEN_CREDENTIALS": chosen]) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("AZURE_TOKEN_CREDENTIALS") == true)
  }

  // MARK: Which one is used

  private func run(
    _ environment: [String: String], _ body: @Sendable (AzureAPI, TestWebServer) async throws -> Void
  ) async throws {
    try await azure.run(environment: environment) { places, server in
      let web = AzureWeb(places, time: HastyTime())
      try await body(
        AzureAPI(web, tokens: AzureTokens(web)) { () throws(AzureError) in
          try .ofEnvironment(places, tenant: TestAzure.tenant)
        }, server)
    }
  }

  private func failure(_ api: AzureAPI) async -> AzureError? {
    do {
      _ = try await api.get(["x"], version: "1")
      return nil
    } catch { return error }
  }

  private static let secret = [
    "AZURE_TENANT_ID": TestAzure.tenant, "AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "s",
  ]

  @Test func theFirstThatIsThereIsUsed() async throws {
    try await run(Self.secret) { api, server in
      #expect(await failure(api)?.code == .notFound)
      #expect(TestAzure.count(server, Self.login) == 1)
      #expect(TestAzure.count(server, Self.imds) == 0)
    }
    try await run(["PATH": "/nonexistent"]) { api, server in
      #expect(await failure(api)?.code == .notFound)
      // Whether there is such a service is asked first, without the header that tokens want.
      #expect(
        server.script.requests.prefix(2).map(\.uri) == [
          Self.imds, Self.imds + "?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com",
        ])
      #expect(server.script.requests.first?.headers["metadata"] == [])
    }
  }

  @Test func aSourceThatIsChosenAloneIsNotProbed() async throws {
    try await run(["AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"]) { api, server in
      _ = await failure(api)
      #expect(TestAzure.count(server, Self.imds) == 1)
    }
  }

  @Test func aSourceThatIsThereAndFailsEndsTheSearch() async throws {
    azure.replace(Self.login, status: 401, #"{"error":"invalid_client","error_description":"AADSTS7000215"}"#)
    try await run(Self.secret) { api, server in
      let error = await failure(api)
      #expect(error?.code == .unauthenticated)
      #expect(
        error?.message == "EnvironmentCredential: POST https://login.microsoftonline.com answers with status 401: "
          + "\"invalid_client: AADSTS7000215\"")
      #expect(TestAzure.count(server, Self.imds) == 0, "nobody becomes somebody else because of a typo")
    }
  }

  @Test func aFileThatIsNotThereLeadsOn() async throws {
    let environment = [
      "AZURE_TENANT_ID": TestAzure.tenant, "AZURE_CLIENT_ID": "app", "AZURE_CLIENT_CERTIFICATE_PATH": "/nonexistent",
      "PATH": "/nonexistent",
    ]
    try await run(environment) { api, server in
      #expect(await failure(api)?.code == .notFound)
      #expect(TestAzure.count(server, Self.imds) == 2)
    }
  }

  /// The token of a workload is renewed by somebody else: that it is not there is an outage.
  @Test func aTokenFileThatIsNotThereStops() async throws {
    try await run(["AZURE_CLIENT_ID": "app", "AZURE_FEDERATED_TOKEN_FILE": "/nonexistent"]) { api, server in
      let error = await failure(api)
      #expect(
        error?.message == "WorkloadIdentityCredential: unable to read token file \"/nonexistent\": "
          + "no such file or directory")
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func allReasonsAreTold() async throws {
    azure.replace(Self.imds, status: 400, #"{"error":"invalid_request","error_description":"Identity not found"}"#)
    try await run(["PATH": "/nonexistent"]) { api, _ in
      let error = await failure(api)
      #expect(error?.code == .configuration)
      #expect(
        error?.message == "DefaultAzureCredential: failed to acquire a token. Attempted credentials: "
          + "EnvironmentCredential: missing environment variable AZURE_TENANT_ID; "
          + "WorkloadIdentityCredential: missing AZURE_CLIENT_ID; "
          + "ManagedIdentityCredential: GET http://169.254.169.254 answers with status 400: "
          + "\"invalid_request: Identity not found\"; AzureCLICredential: az not found; "
          + "AzureDeveloperCLICredential: not supported; AzurePowerShellCredential: not supported")
    }
  }

  /// Docker Desktop's proxy, and whatever else answers at the metadata service's address.
  @Test(arguments: [(403, "connecting to 169.254.169.254:80: unreachable"), (200, "<html>")])
  func whatIsNoMetadataServiceLeadsOn(_ status: Int, _ text: String) async throws {
    azure.replace(Self.imds, status: status, text)
    try await run(["PATH": "/nonexistent"]) { api, _ in
      #expect(await failure(api)?.message.contains("AzureCLICredential: az not found") == true)
    }
  }

  @Test func anIdentityThatTheMachineLacksStops() async throws {
    azure.replace(Self.imds, status: 400, "{}")
    try await run(["AZURE_CLIENT_ID": "c"]) { api, _ in
      #expect(
        await failure(api)?.message.hasPrefix(
          "ManagedIdentityCredential: the requested identity isn't assigned to this resource: ") == true)
    }
  }

  @Test func whoWasFoundOnceStaysTheOne() async throws {
    azure.replace("/management.azure.com/", status: 401, "{}")
    try await run(["PATH": "/nonexistent"]) { api, server in
      #expect(await failure(api)?.code == .unauthenticated)
      let before = TestAzure.count(server, Self.imds)
      azure.replace(Self.imds, status: 400, "{}")
      let error = await failure(api)
      #expect(error?.message.hasPrefix("ManagedIdentityCredential: ") == true, "no other source is tried")
      #expect(TestAzure.count(server, Self.imds) == before + 1, "and it is not probed again")
    }
  }

  // MARK: The command line

  /// A folder with an `az` that does what `script` says.
  private func az(_ script: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try "#!/bin/sh\n\(script)\n".write(toFile: folder.file("az"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("az"))
    return folder
  }

  private func environment(_ folder: TemporaryFolder) -> [String: String] {
    ["AZURE_TOKEN_CREDENTIALS": "AzureCLICredential", "PATH": "\(folder.path):/usr/bin:/bin"]
  }

  @Test func theCommandLineIsAskedForTheTenantsToken() async throws {
    let end = Int(Date().timeIntervalSince1970) + 3600
    let folder = try az(
      #"echo "$@" >>"${0%/*}/words"; echo '{"accessToken":"arm-token","expires_on":\#(end),"expiresOn":"x"}'"#)
    try await run(environment(folder)) { api, server in
      for _ in 0..<3 { #expect(await failure(api)?.code == .notFound) }
      #expect(TestAzure.count(server, "/management") == 3)
    }
    #expect(
      folder.text("words") == "account get-access-token -o json --resource https://management.azure.com --tenant "
        + TestAzure.tenant + "\n")
  }

  @Test(arguments: [
    ("echo 'Please run az login' >&2; exit 1", "az failed with exit code 1: \"Please run az login\\n\""),
    ("echo nonsense", "az printed no JSON"), ("yes", "az printed more than 65536 bytes"),
    (#"echo '{"accessToken":"t","expiresOn":"2026-11-22 10:00:00.000000"}'"#, "az printed no expires_on"),
    (#"echo '{"expires_on":1}'"#, "az printed no access token"),
  ])
  func whatTheCommandLineSaysOtherwise(_ script: String, _ says: String) async throws {
    let folder = try az(script)
    try await run(environment(folder)) { api, server in
      let error = await failure(api)
      #expect(error?.message.contains("AzureCLICredential: \(says)") == true, "\(error?.message ?? "")")
      #expect(server.script.requests.isEmpty)
    }
  }
}
