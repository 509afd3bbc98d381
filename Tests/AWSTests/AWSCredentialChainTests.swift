import Foundation
import Testing

@testable import AWS

@Suite struct AWSCredentialChainTests {
  private func chain(_ environment: [String: String]) -> AWSCredentialChain {
    AWSCredentialChain(
      environment: environment.merging(["AWS_EC2_METADATA_DISABLED": "true"]) { given, _ in given })
  }

  @Test func theEnvironmentComesFirst() throws {
    let found = try chain([
      "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
      "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    ]).credentials()
    #expect(found == AWSCredentials(accessKeyID: "id", secretAccessKey: "secret", sessionToken: "token"))
  }

  @Test func theFile() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "aws-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = """
      # of mine
      [default]
      aws_access_key_id = A
      aws_secret_access_key=a=b
      [ other ]\r
      aws_access_key_id=B\r
      aws_secret_access_key = c \r
      aws_session_token = t
      [half]
      aws_access_key_id=C
      """
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    func found(_ profile: String?) throws -> AWSCredentials {
      try chain(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": profile ?? ""]).credentials()
    }
    #expect(try found(nil) == AWSCredentials(accessKeyID: "A", secretAccessKey: "a=b"))
    #expect(try found("other") == AWSCredentials(accessKeyID: "B", secretAccessKey: "c", sessionToken: "t"))
    #expect(throws: AWSError.self) { try found("half") }
    #expect(throws: AWSError.self) { try found("none") }
  }

  @Test func nothing() {
    #expect(throws: AWSError.self) { try chain([:]).credentials() }
  }

  @Test func aContainersEndpoint() throws {
    let server = try OneAnswerServer(
      [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
          + #"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-22T10:00:00Z"}"#
      ])
    let found = try chain([
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/v1/credentials?x=1",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
    ]).credentials()
    #expect(found.accessKeyID == "A" && found.secretAccessKey == "s" && found.sessionToken == "t")
    #expect(found.expiresAt == Date(timeIntervalSince1970: 1_795_341_600))
    let requests = server.requests()
    #expect(requests.count == 1 && requests[0].hasPrefix("GET /v1/credentials?x=1 HTTP/1.0\r\n"))
    #expect(requests[0].contains("\r\nauthorization: secret\r\n"))
  }

  @Test(arguments: ["http://example.org/", "http://10.0.0.1/", "https://127.0.0.1/", "http://127.0.0.1:x/", "x"])
  func theTokenStaysOnTheMachine(_ uri: String) {
    #expect(throws: AWSError.self) { try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": uri]).credentials() }
  }

  @Test func anInstancesRole() throws {
    let server = try OneAnswerServer([
      "HTTP/1.0 200 OK\r\n\r\nsession", "HTTP/1.0 200 OK\r\n\r\nmy-role\n",
      "HTTP/1.0 200 OK\r\n\r\n" + #"{"AccessKeyId":"A","SecretAccessKey":"s"}"#,
    ])
    var chain = AWSCredentialChain(environment: [:])
    chain.metadataHost = LocalHTTP.Address(host: "127.0.0.1", port: server.port)
    #expect(try chain.credentials() == AWSCredentials(accessKeyID: "A", secretAccessKey: "s"))
    let requests = server.requests()
    #expect(
      requests.map { $0.prefix { $0 != "\r\n" } } == [
        "PUT /latest/api/token HTTP/1.0", "GET /latest/meta-data/iam/security-credentials/ HTTP/1.0",
        "GET /latest/meta-data/iam/security-credentials/my-role HTTP/1.0",
      ])
    #expect(requests.dropFirst().allSatisfy { $0.contains("\r\nx-aws-ec2-metadata-token: session\r\n") })
  }

  @Test(arguments: ["", "HTTP/1.1 500 no\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{}"])
  func badAnswers(_ answer: String) throws {
    let server = try OneAnswerServer([answer])
    #expect(throws: AWSError.self) {
      try chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:\(server.port)/"]).credentials()
    }
    #expect(server.requests().count == 1)
  }
}
