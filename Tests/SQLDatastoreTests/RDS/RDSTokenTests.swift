import AWS
import Daemon
import DatastoreAPI
import Foundation
import Testing

@testable import SQLDatastore

@Suite struct RDSTokenTests {
  private let endpoint = "db.eu-west-1.rds.amazonaws.com:3306"

  @Test func isASignedURL() throws {
    let time = TestTime(Date(timeIntervalSince1970: 1_440_938_160))
    let source = RDSToken(region: "eu-west-1", time: time) { () throws(AWSError) in
      AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "t=")
    }
    let token = try source.password(endpoint: endpoint, user: "spire user")
    #expect(
      token.hasPrefix(
        "\(endpoint)/?Action=connect&DBUser=spire%20user&X-Amz-Algorithm=AWS4-HMAC-SHA256"
          + "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Frds-db%2Faws4_request"
          + "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-Security-Token=t%3D&X-Amz-SignedHeaders=host"
          + "&X-Amz-Signature="))
    #expect(!token.contains("secret"))
  }

  @Test func isKeptUntilAMinuteBeforeItsEnd() throws {
    let time = TestTime()
    let count = Counter()
    let source = RDSToken(region: "r", time: time) { () throws(AWSError) in
      AWSCredentials(accessKeyID: "id\(count.next())", secretAccessKey: "s")
    }
    func token(_ user: String = "u") throws -> String { try source.password(endpoint: endpoint, user: user) }
    let first = try token()
    time.advance(by: .seconds(839))
    #expect(try token() == first)
    #expect(try token("other") != first)
    time.advance(by: .seconds(1))
    let second = try token()
    #expect(second != first && second.contains("id3"))
    #expect(try token() == second)
  }

  @Test func endsWithItsCredentials() throws {
    let time = TestTime()
    let end = time.now.addingTimeInterval(120)
    let count = Counter()
    let source = RDSToken(region: "r", time: time) { () throws(AWSError) in
      _ = count.next()
      return AWSCredentials(accessKeyID: "id", secretAccessKey: "s", expiresAt: end)
    }
    _ = try source.password(endpoint: endpoint, user: "u")
    time.advance(by: .seconds(59))
    _ = try source.password(endpoint: endpoint, user: "u")
    #expect(count.value == 1)
    time.advance(by: .seconds(1))
    _ = try source.password(endpoint: endpoint, user: "u")
    #expect(count.value == 2)
  }

  @Test func saysWhatIsMissing() async {
    func message(_ access: AWSDatabaseAccess) async -> String? {
      await failure { _ = try RDSToken(access) }?.message
    }
    #expect(await message(AWSDatabaseAccess(region: "")) == "datastore-sql: region must be specified")
    #expect(
      await message(AWSDatabaseAccess(region: "r", accessKeyID: "a"))
        == "datastore-sql: access_key_id and secret_access_key must be set together")
    let source = RDSToken(region: "r", time: TestTime()) { () throws(AWSError) in throw AWSError("none there") }
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
