import AWS
import Daemon
import DatastoreAPI
import Foundation
import HTTPTesting
import Testing

@testable import SQLDatastore

@Suite struct RDSTokenTests {
  private let endpoint = "db.eu-west-1.rds.amazonaws.com:3306"

  @Test func isASignedURL() async throws {
    let time = TestTime(Date(timeIntervalSince1970: 1_440_938_160))
    let source = RDSToken(region: "eu-west-1", time: time) { () async throws(AWSError) in
      AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "t=")
    }
    await source.prepare()
    let token = try source.password(endpoint: endpoint, user: "spire user")
    #expect(
      token.hasPrefix(
        "\(endpoint)/?Action=connect&DBUser=spire%20user&X-Amz-Algorithm=AWS4-HMAC-SHA256"
          + "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Frds-db%2Faws4_request"
          + "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-Security-Token=t%3D&X-Amz-SignedHeaders=host"
          + "&X-Amz-Signature="))
    #expect(!token.contains("secret"))
  }

  @Test func isKeptUntilAMinuteBeforeItsEnd() async throws {
    let time = TestTime()
    let count = Counter()
    let source = RDSToken(region: "r", time: time) { () async throws(AWSError) in
      AWSCredentials(accessKeyID: "id\(count.next())", secretAccessKey: "s")
    }
    func token(_ user: String = "u") async throws -> String {
      await source.prepare()
      return try source.password(endpoint: endpoint, user: user)
    }
    let first = try await token()
    time.advance(by: .seconds(839))
    #expect(try await token() == first)
    #expect(try await token("other") != first)
    time.advance(by: .seconds(1))
    let second = try await token()
    #expect(second != first)
    #expect(try await token() == second)
  }

  @Test func endsWithItsCredentials() async throws {
    let time = TestTime()
    let end = time.now.addingTimeInterval(120)
    let count = Counter()
    let source = RDSToken(region: "r", time: time) { () async throws(AWSError) in
      AWSCredentials(accessKeyID: "id\(count.next())", secretAccessKey: "s", expiresAt: end)
    }
    func token() async throws -> String {
      await source.prepare()
      return try source.password(endpoint: endpoint, user: "u")
    }
    let first = try await token()
    time.advance(by: .seconds(59))
    #expect(try await token() == first)
    time.advance(by: .seconds(1))
    #expect(try await token() != first)
  }

  /// As everything else that asks AWS: here with the web identity of a pod, whose credentials STS gives.
  @Test func withAWebIdentity() async throws {
    let token = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: token) }
    try "jwt".write(to: token, atomically: false, encoding: .utf8)
    let answer = """
      <R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
      <SessionToken>of-sts</SessionToken><Expiration>2026-11-22T10:00:00Z</Expiration></Credentials>
      </AssumeRoleWithWebIdentityResult></R>
      """
    let path = token.path
    let endpoint = endpoint
    try await TestWebServer.with(nil, reply: { _ in .page(200, [], Array(answer.utf8)) }) { server in
      let environment = [
        "AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:\(server.port)",
      ]
      let source = try RDSToken(AWSDatabaseAccess(region: "eu-west-1"), environment: environment, time: TestTime())
      await source.prepare()
      await source.prepare()
      let password = try source.password(endpoint: endpoint, user: "u")
      #expect(password.contains("X-Amz-Credential=ASIA%2F") && password.contains("X-Amz-Security-Token=of-sts"))
      #expect(server.script.requests.count == 1)
    }
  }

  @Test func saysWhatIsMissing() async {
    func message(_ access: AWSDatabaseAccess) async -> String? {
      await failure { _ = try RDSToken(access) }?.message
    }
    #expect(await message(AWSDatabaseAccess(region: "")) == "datastore-sql: region must be specified")
    #expect(
      await message(AWSDatabaseAccess(region: "r", accessKeyID: "a"))
        == "datastore-sql: access_key_id and secret_access_key must be set together")
    let source = RDSToken(region: "r", time: TestTime()) { () async throws(AWSError) in throw AWSError("none there") }
    await source.prepare()
    let error = await failure { _ = try source.password(endpoint: endpoint, user: "u") }
    #expect(error?.code == .unavailable)
    #expect(
      error?.message == "datastore-sql: cannot make a token for the database at \(endpoint): none there")
  }

  @Test func configuration() async {
    func message(_ text: String, _ region: String) async -> String? {
      await failure {
        try SQLDatastoreConfiguration(
          databaseType: "aws_mysql", aws: AWSDatabaseAccess(region: region), connectionString: text
        ).validate()
      }?.message
    }
    let text = "u@tcp(h:1)/d?parseTime=true"
    #expect(await message(text, "") == "datastore-sql: region must be specified")
    #expect(await message(text, "r") == nil)
    #expect(
      await message("u:p@tcp(h:1)/d?parseTime=true", "r")
        == "datastore-sql: unexpected password in connection string for IAM authentication")
  }
}
