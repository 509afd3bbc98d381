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

  private func with(_ files: [String: String], _ body: ([String: String]) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "aws-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in files {
      try text.write(to: folder.appending(path: name), atomically: false, encoding: .utf8)
    }
    try body([
      "AWS_CONFIG_FILE": folder.appending(path: "config").path,
      "AWS_SHARED_CREDENTIALS_FILE": folder.appending(path: "credentials").path,
    ])
  }

  @Test func bothFilesMakeAProfile() throws {
    let config = """
      [default]
      region = eu-west-1
      aws_access_key_id = old
      [profile  team]
      aws_access_key_id = T
      aws_secret_access_key = t
      [team]
      aws_access_key_id = never
      [profile pod]
      web_identity_token_file = /token
      role_arn = arn:aws:iam::1:role/r
      """
    try with(["config": config, "credentials": "[default]\naws_access_key_id=A\naws_secret_access_key=a"]) { files in
      #expect(try chain(files).credentials() == AWSCredentials(accessKeyID: "A", secretAccessKey: "a"))
      let team = files.merging(["AWS_PROFILE": "team"]) { $1 }
      #expect(try chain(team).credentials() == AWSCredentials(accessKeyID: "T", secretAccessKey: "t"))
      guard case .webIdentity(let identity) = try chain(files.merging(["AWS_PROFILE": "pod"]) { $1 }).source() else {
        Issue.record("no web identity")
        return
      }
      #expect(identity == AWSWebIdentity(tokenFile: "/token", role: "arn:aws:iam::1:role/r", session: "spire-server"))
      #expect(throws: AWSError("failed to get shared config profile, none")) {
        try chain(files.merging(["AWS_PROFILE": "none"]) { $1 }).source()
      }
    }
  }

  /// What is not followed is not passed over: the next place would make the server somebody else.
  @Test(arguments: [
    "role_arn", "source_profile", "credential_source", "credential_process", "sso_session", "sso_start_url",
  ])
  func whatIsNotSupportedIsNamed(_ key: String) throws {
    try with(["config": "[default]\n\(key) = x\naws_access_key_id = A\naws_secret_access_key = a"]) { files in
      #expect(throws: AWSError("the profile default has \(key), which is not supported; use keys or a web identity")) {
        try chain(files).source()
      }
    }
  }

  @Test func aWebIdentityOfTheEnvironment() throws {
    let environment = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
      "AWS_ROLE_SESSION_NAME": "me",
    ]
    guard case .webIdentity(let identity) = try chain(environment).source() else {
      Issue.record("no web identity")
      return
    }
    #expect(
      identity
        == AWSWebIdentity(tokenFile: "/var/run/secrets/token", role: "arn:aws:iam::1:role/r", session: "me"))
    #expect(throws: AWSError("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")) {
      try chain(["AWS_WEB_IDENTITY_TOKEN_FILE": "/t"]).source()
    }
    // Keys come first.
    let keys = environment.merging(["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "a"]) { $1 }
    guard case .credentials = try chain(keys).source() else {
      Issue.record("no keys")
      return
    }
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
