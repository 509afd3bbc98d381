import AzureTesting
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import SPIFFE
import Synchronization
import Testing

@testable import Azure

/// Calls to Azure's services: what is sent, how lists and tokens are handled, and what becomes of answers that are of no use.
@Suite struct AzureAPITests {
  private let azure: TestAzure
  private static let credential = AzureCredential.secret(
    tenant: TestAzure.tenant, application: "app", secret: "a&b=c d")
  private static let machine = "/management.azure.com/subscriptions/s/resourceGroups/g"

  init() throws { azure = try TestAzure() }

  private func run(
    environment: [String: String] = [:], _ credential: AzureCredential = credential,
    _ body: @Sendable (AzureAPI, TestWebServer) async throws -> Void
  ) async throws {
    try await azure.run(environment: environment) { places, server in
      let web = AzureWeb(places, time: HastyTime())
      try await body(AzureAPI(web, tokens: AzureTokens(web)) { credential }, server)
    }
  }

  private func failure(_ body: () async throws -> some Any) async -> AzureError? {
    do {
      _ = try await body()
      return nil
    } catch { return error as? AzureError }
  }

  // MARK: Tokens

  @Test func anApplicationsSecretIsExchangedOnce() async throws {
    azure.replace(Self.machine, "{}")
    try await run { api, server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask { _ = try await api.get(["subscriptions", "s", "resourceGroups", "g"], version: "1") }
        }
        try await group.waitForAll()
      }
      let asked = server.script.received.filter { $0.head.uri.hasPrefix("/login") }
      #expect(asked.count == 1)
      let request = try #require(asked.first)
      #expect(request.head.method == .POST)
      #expect(request.head.uri == "/login.microsoftonline.com/\(TestAzure.tenant)/oauth2/v2.0/token")
      #expect(request.head.headers["content-type"] == ["application/x-www-form-urlencoded"])
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == "grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default&client_id=app"
          + "&client_secret=a%26b%3Dc%20d")
    }
  }

  @Test func aFilesTokenIsReadForEachRequest() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("token")
    let token = "\(Base64.encodeURL(Array(#"{"alg":"RS256"}"#.utf8))).\(Base64.encodeURL(Array("{}".utf8))).c2ln"
    try await run(.tokenFile(tenant: TestAzure.tenant, application: "app", path: path)) { api, server in
      let missing = await failure { try await api.get(["x"], version: "1") }
      #expect(missing?.code == .configuration)
      #expect(missing?.message == "unable to read token file \"\(path)\": no such file or directory")
      try Data("root:x:0:0".utf8).write(to: URL(fileURLWithPath: path))
      let other = await failure { try await api.get(["x"], version: "1") }
      #expect(other?.message.hasPrefix("unable to parse token file \"\(path)\": ") == true)
      #expect(server.script.requests.isEmpty, "what is no token is sent to nobody")
      try Data((token + "\n").utf8).write(to: URL(fileURLWithPath: path))
      _ = await failure { try await api.get(["x"], version: "1") }
      let request = try #require(server.script.received.first)
      #expect(
        String(decoding: request.body, as: UTF8.self).hasSuffix(
          "&client_id=app&client_assertion=\(token)&client_assertion_type="
            + "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"))
    }
  }

  @Test(arguments: [(nil, ""), ("id", "&client_id=id")])
  func theMachinesIdentityIsAsked(_ application: String?, _ more: String) async throws {
    try await run(.managed(.machine(application: application))) { api, server in
      _ = await failure { try await api.get(["x"], version: "1") }
      #expect(
        server.script.requests.map(\.uri) == [
          "/169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
            + "&resource=https%3A%2F%2Fmanagement.azure.com" + more,
          "/management.azure.com/x?api-version=1",
        ])
    }
  }

  @Test func theIdentityOfAnApplicationPlatformIsAsked() async throws {
    try await TestWebServer.with(
      nil, reply: { _ in .page(200, [], Array(#"{"access_token":"t","expires_on":"1"}"#.utf8)) }
    ) { server in
      let credential = AzureCredential.managed(
        .appService(endpoint: "http://127.0.0.1:\(server.port)/msi/token", header: "h", application: nil))
      try await run(credential) { api, _ in _ = await failure { try await api.get(["x"], version: "1") } }
      let request = try #require(server.script.requests.first)
      #expect(
        request.uri == "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com")
      #expect(request.headers["x-identity-header"] == ["h"])
    }
  }

  @Test func aTokenThatIsNotTakenIsForgotten() async throws {
    azure.replace("/management.azure.com/x", status: 401, #"{"error":{"code":"ExpiredAuthenticationToken"}}"#)
    try await run { api, server in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(error?.code == .unauthenticated)
      _ = await failure { try await api.get(["x"], version: "1") }
      #expect(TestAzure.count(server, "/login") == 2)
    }
  }

  @Test(arguments: [
    "{}", "[]", "no JSON", #"{"access_token":""}"#, #"{"access_token":5}"#, #"{"access_token":"a\nb","expires_in":9}"#,
  ])
  func whatIsNoTokenIsNotUsed(_ answer: String) async throws {
    azure.replace("/login.microsoftonline.com/\(TestAzure.tenant)/oauth2", answer)
    try await run { api, server in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(error?.code == .unavailable)
      #expect(TestAzure.count(server, "/management") == 0)
    }
  }

  @Test func refusedSecretsAreToldWithoutTheSecret() async throws {
    azure.replace(
      "/login.microsoftonline.com/", status: 401,
      #"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#)
    try await run { api, _ in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(
        error?.message == "POST https://login.microsoftonline.com answers with status 401: "
          + "\"invalid_client: AADSTS7000215: Invalid client secret provided.\"")
    }
  }

  // MARK: The environment

  @Test func theAuthoritysHostMayBeAnotherOneOverHTTPS() throws {
    func place(_ host: String) throws -> String {
      let places = AzurePlaces(
        security: HTTPSecurity(.web(.system(environment: [:]))), environment: ["AZURE_AUTHORITY_HOST": host])
      return try places.authority("/t").description
    }
    #expect(try place("") == "https://login.microsoftonline.com/t")
    #expect(try place("https://login.microsoftonline.us/") == "https://login.microsoftonline.us/t")
    #expect(throws: AzureError.self) { try place("http://login.microsoftonline.us") }
  }

  // MARK: Lists

  @Test func pagesAreFollowedAtTheSamePlaceOnly() async throws {
    let found = Mutex<[JSONValue]>([])
    azure.replace("/management.azure.com/l") { request in
      let second = request.head.uri.contains("page=2")
      let link = #","nextLink":"https://management.azure.com/l?page=2""#
      return .page(200, [], Array(#"{"value":[\#(second ? 2 : 1)]\#(second ? "" : link)}"#.utf8))
    }
    try await run { api, server in
      try await api.list(["l"], version: "1") { page in
        found.withLock { $0 += page }
        return false
      }
      #expect(found.withLock { $0 } == [1, 2])
      try await api.list(["l"], version: "1") { _ in true }
      #expect(TestAzure.count(server, "/management.azure.com/l") == 3, "enough is enough")
    }
  }

  @Test(arguments: [
    "http://management.azure.com/l", "https://management.azure.com.evil.test/l", "https://127.0.0.1/l",
    "https://management.azure.com:8443/l", "https://user@management.azure.com/l", "//evil.test/l", "/l", "file:///x",
  ])
  func nextPagesElsewhereAreNotAskedFor(_ link: String) async throws {
    azure.replace("/management.azure.com/l", #"{"value":[],"nextLink":"\#(link)"}"#)
    try await run { api, server in
      let error = await failure { try await api.list(["l"], version: "1") { _ in false } }
      #expect(error?.message == "Azure names a next page at another place")
      #expect(TestAzure.count(server, "/management") == 1)
    }
  }

  @Test func aListHasAnEnd() async throws {
    azure.replace("/management.azure.com/l", #"{"value":[],"nextLink":"https://management.azure.com/l"}"#)
    try await run { api, server in
      let error = await failure { try await api.list(["l"], version: "1") { _ in false } }
      #expect(error?.message == "a list of Azure has more than 100 pages")
      #expect(TestAzure.count(server, "/management") == 100)
    }
  }

  // MARK: Resource Graph

  @Test func aQueryIsSentToOneSubscription() async throws {
    azure.replace(
      "/management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01",
      #"{"totalRecords":1,"count":1,"data":[{"a":1}]}"#)
    try await run { api, server in
      let rows = try await api.rows("resources | where a == 'b'", subscription: "s")
      #expect(rows == [["a": 1]])
      let body = try #require(server.script.received.last).body
      #expect(
        String(decoding: body, as: UTF8.self)
          == #"{"subscriptions":["s"],"query":"resources | where a == 'b'","options":{"resultFormat":"objectArray"}}"#)
    }
  }

  @Test(arguments: [
    (#"{"totalRecords":0,"data":[]}"#, AzureError.Code.notFound), ("{}", .notFound),
    (#"{"totalRecords":1,"data":{}}"#, .unavailable), (#"{"totalRecords":1,"data":["x"]}"#, .unavailable),
    (#"{"totalRecords":1,"data":[]}"#, .unavailable),
  ])
  func rowsAreObjects(_ answer: String, _ code: AzureError.Code) async throws {
    azure.replace("/management.azure.com/providers/", answer)
    try await run { api, _ in
      let error = await failure { try await api.rows("resources", subscription: "s") }
      #expect(error?.code == code)
    }
  }

  // MARK: Failures

  @Test(arguments: [408, 429, 500, 503]) func whatMayPassIsTriedAgain(_ status: Int) async throws {
    let left = Mutex(2)
    azure.replace("/management.azure.com/x") { _ in
      let fails = left.withLock { left in
        left -= 1
        return left >= 0
      }
      return fails ? .page(status, [], []) : .page(200, [], Array("{}".utf8))
    }
    try await run { api, _ in _ = try await api.get(["x"], version: "1") }
    azure.replace("/management.azure.com/x") { _ in .page(status, [("Retry-After", "3600")], []) }
    try await run { api, server in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(error?.code == .unavailable)
      #expect(TestAzure.count(server, "/management") == 1, "who is to wait for an hour is told so at once")
    }
  }

  @Test func aConnectionThatBreaksIsTriedAgain() async throws {
    let first = Mutex(true)
    azure.replace("/management.azure.com/x") { _ in
      let isFirst = first.withLock { first in
        defer { first = false }
        return first
      }
      return isFirst ? .hangUp : .page(200, [], Array("{}".utf8))
    }
    try await run { api, server in
      _ = try await api.get(["x"], version: "1")
      #expect(TestAzure.count(server, "/management") == 2)
    }
  }

  @Test(arguments: [301, 302, 307, 308]) func redirectionsAreNotFollowed(_ status: Int) async throws {
    azure.replace("/management.azure.com/x") { request in
      let host = request.head.headers["host"].first ?? ""
      return .page(status, [("Location", "http://\(host)/elsewhere")], [])
    }
    try await run { api, server in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(error?.code == .refused)
      #expect(TestAzure.count(server, "/elsewhere") == 0)
    }
  }

  @Test(arguments: [TestWebServer.Answer.endless, .hangUp, .page(200, [], Array("{".utf8))])
  func answersOfNoUseAreRefused(_ answer: TestWebServer.Answer) async throws {
    azure.replace("/management.azure.com/x") { _ in answer }
    try await run { api, _ in
      let error = await failure { try await api.get(["x"], version: "1") }
      #expect(error?.code == .unavailable)
    }
  }

  @Test(arguments: ["", ".", "..", "a/b", "a\\b", "a\nb", String(repeating: "x", count: 261)])
  func namesThatMakeOtherURLs(_ name: String) async throws {
    try await run { api, server in
      let error = await failure { try await api.get(["subscriptions", name], version: "1") }
      #expect(error?.code == .refused)
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func otherLettersOfNamesAreEncoded() async throws {
    try await run { api, server in
      _ = await failure { try await api.get(["a b?c#d%2e(é)"], version: "1", query: [("$filter", "x eq 'y' & z")]) }
      #expect(
        server.script.requests.last?.uri
          == "/management.azure.com/a%20b%3Fc%23d%252e%28%C3%A9%29?api-version=1&%24filter=x%20eq%20%27y%27%20%26%20z")
    }
  }
}
