import Daemon
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import Testing

@testable import AWS

/// Calls of AWS's APIs: what is asked, what is read, and what happens when AWS refuses. The answers are in the form of
/// AWS's documentation.
@Suite struct AWSAPITests {
  private func page(_ status: Int, _ text: String) -> TestWebServer.Answer { .page(status, [], Array(text.utf8)) }

  private func api(_ server: TestWebServer) -> AWSAPI {
    AWSAPI(
      endpoints: AWSEndpoints(environment: ["AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)"]),
      credentials: { AWSCredentials(accessKeyID: "AKID", secretAccessKey: "secret", sessionToken: "token") },
      security: HTTPSecurity(.web(.system(environment: [:]))), time: PatientTime())
  }

  /// Sleeps are over at once.
  private struct PatientTime: TimeSource {
    var now: Date { Date(timeIntervalSince1970: 1_795_291_845) }
    var steady: Duration { .zero }
    func sleep(for duration: Duration) async throws {}
  }

  @Test func anInstanceIsDescribed() async throws {
    let answer = """
      <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet>
      <item><instanceId>i-1</instanceId><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>
      <groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>
      <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><attachTime>2026-01-02T03:04:05.000Z</attachTime>
      </ebs></item></blockDeviceMapping>
      <tagSet><item><key>team</key><value>a:b</value></item><item><key>empty</key><value/></item></tagSet>
      <networkInterfaceSet><item><attachment><deviceIndex>0</deviceIndex>
      <attachTime>2026-01-02T03:04:06.000Z</attachTime></attachment></item></networkInterfaceSet>
      <iamInstanceProfile><arn>arn:aws:iam::1:instance-profile/p</arn></iamInstanceProfile></item></instancesSet></item>
      </reservationSet></DescribeInstancesResponse>
      """
    try await TestWebServer.with(nil, reply: { _ in page(200, answer) }) { server in
      let instances = try await api(server).instances("i-1", region: "us-east-1")
      let instance = try #require(instances.first)
      #expect(instances.count == 1)
      #expect(instance.id == "i-1")
      #expect(instance.tags == [.init(key: "team", value: "a:b"), .init(key: "empty", value: "")])
      #expect(instance.securityGroups == [.init(id: "sg-1", name: "web")])
      #expect(instance.profile == "arn:aws:iam::1:instance-profile/p")
      #expect(instance.blockDevices.first?.attachTime == Date(timeIntervalSince1970: 1_767_323_045))
      #expect(instance.primaryInterface?.attachTime == Date(timeIntervalSince1970: 1_767_323_046))
      let request = try #require(server.script.received.first)
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&Filter.1.Name=instance-state-name"
          + "&Filter.1.Value.1=pending&Filter.1.Value.2=running")
      let signature = try #require(request.head.headers["authorization"].first)
      #expect(
        signature.hasPrefix(
          "AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/ec2/aws4_request, "
            + "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="))
      #expect(request.head.headers["x-amz-security-token"] == ["token"])
    }
  }

  @Test func pagesAreFollowed() async throws {
    try await TestWebServer.with(
      nil,
      reply: { request in
        String(decoding: request.body, as: UTF8.self).contains("NextToken")
          ? page(200, #"{"Accounts":[{"Id":"2","Status":"SUSPENDED"}]}"#)
          : page(200, #"{"Accounts":[{"Id":"1","Status":"ACTIVE"}],"NextToken":"n"}"#)
      }
    ) { server in
      let accounts = try await api(server).accounts(region: "eu-west-1")
      #expect(accounts == [.init(id: "1", status: "ACTIVE"), .init(id: "2", status: "SUSPENDED")])
      let head = try #require(server.script.requests.first)
      #expect(head.headers["x-amz-target"] == ["AWSOrganizationsV20161128.ListAccounts"])
      // Organizations has one place, whatever region the caller is in.
      #expect(head.headers["authorization"].first?.contains("/us-east-1/organizations/") == true)
    }
  }

  @Test func anEndlessListEnds() async throws {
    try await TestWebServer.with(nil, reply: { _ in page(200, #"{"Accounts":[],"NextToken":"n"}"#) }) { server in
      await #expect(throws: AWSError("AWS answers with more than a hundred pages")) {
        try await api(server).accounts(region: "eu-west-1")
      }
      #expect(server.script.requests.count == 100)
    }
  }

  @Test func theInstancesOfAClusterAreFound() async throws {
    try await TestWebServer.with(
      nil,
      reply: { request in
        switch request.head.uri {
        case "/clusters/c%201/node-groups": page(200, #"{"nodegroups":["g"]}"#)
        case "/clusters/c%201/node-groups/g":
          page(200, #"{"nodegroup":{"resources":{"autoScalingGroups":[{"name":"asg"}]}}}"#)
        default:
          page(
            200,
            """
            <R><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><Instances><member><InstanceId>i-1</InstanceId>
            </member><member><InstanceId>i-2</InstanceId></member></Instances></member></AutoScalingGroups>
            </DescribeAutoScalingGroupsResult></R>
            """)
        }
      }
    ) { server in
      let found = try await api(server).instances(ofCluster: "c 1", region: "eu-west-1")
      #expect(found == ["i-1", "i-2"])
    }
  }

  @Test func aRefusalIsToldAndNotTriedAgain() async throws {
    let answer = """
      <Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not
      authorized</Message></Error></Errors></Response>
      """
    try await TestWebServer.with(nil, reply: { _ in page(403, answer) }) { server in
      await #expect(
        throws: AWSError("DescribeInstances: AWS answers UnauthorizedOperation: You are not authorized")
      ) { try await api(server).instances("i-1", region: "us-east-1") }
      #expect(server.script.requests.count == 1)
    }
  }

  @Test(arguments: [
    (503, ""), (400, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"),
    (400, #"{"__type":"com.amazonaws#ThrottlingException","message":"slow"}"#),
  ])
  func whatMayPassIsTriedThreeTimes(_ status: Int, _ body: String) async throws {
    try await TestWebServer.with(nil, reply: { _ in page(status, body) }) { server in
      await #expect(throws: AWSError.self) { try await api(server).instances("i-1", region: "us-east-1") }
      #expect(server.script.requests.count == 3)
    }
  }

  @Test func aRoleIsAssumedOnceUntilItsCredentialsEnd() async throws {
    let answer = """
      <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
      <SessionToken>t</SessionToken><Expiration>2027-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>
      </AssumeRoleResponse>
      """
    try await TestWebServer.with(nil, reply: { _ in page(200, answer) }) { server in
      let time = TestTime()
      let roles = AWSRoles(time: time)
      let api = api(server)
      let role = "arn:aws:iam::1:role/r"
      async let first = roles.credentials(of: role, session: "spire", region: "us-east-1", through: api)
      async let second = roles.credentials(of: role, session: "spire", region: "us-east-1", through: api)
      let found = try await [first, second]
      #expect(found.map(\.accessKeyID) == ["ASIA", "ASIA"])
      #expect(server.script.requests.count == 1)
      // Until four minutes before its end.
      time.advance(by: .seconds(3_469_755 - 240))
      _ = try await roles.credentials(of: role, session: "spire", region: "us-east-1", through: api)
      #expect(server.script.requests.count == 2)
    }
  }

  /// The token of the service account of a pod, say, for the credentials of a role: nothing is signed, as there is nothing
  /// to sign with.
  @Test func aWebIdentityGetsCredentials() async throws {
    let answer = """
      <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
      <Credentials><SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>
      <Expiration>2027-01-01T00:00:00Z</Expiration><AccessKeyId>ASIA</AccessKeyId></Credentials>
      </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
      """
    try await TestWebServer.with(nil, reply: { _ in page(200, answer) }) { server in
      let api = AWSAPI(
        endpoints: AWSEndpoints(environment: ["AWS_ENDPOINT_URL_STS": "http://127.0.0.1:\(server.port)"]),
        credentials: nil, security: HTTPSecurity(.web(.system(environment: [:]))), time: PatientTime())
      let identity = AWSWebIdentity(tokenFile: "/t", role: "arn:aws:iam::1:role/r", session: "spire")
      let found = try await api.credentials(of: identity, token: "a.b+c", region: "eu-west-1")
      #expect(found.accessKeyID == "ASIA" && found.sessionToken == "t" && found.expiresAt != nil)
      let request = try #require(server.script.received.first)
      #expect(request.head.headers["authorization"].isEmpty)
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
          + "&RoleSessionName=spire&WebIdentityToken=a.b%2Bc")
    }
  }

  /// As the endpoint rules of Amazon's clients have them: the region decides.
  @Test(arguments: [
    (
      "eu-west-1", "ec2.eu-west-1.amazonaws.com", "iam.amazonaws.com", "us-east-1",
      "organizations.us-east-1.amazonaws.com"
    ),
    (
      "cn-northwest-1", "ec2.cn-northwest-1.amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1",
      "organizations.cn-northwest-1.amazonaws.com.cn"
    ),
    (
      "us-gov-east-1", "ec2.us-gov-east-1.amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1",
      "organizations.us-gov-west-1.amazonaws.com"
    ),
    (
      "eusc-de-east-1", "ec2.eusc-de-east-1.amazonaws.eu", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1",
      "organizations.eusc-de-east-1.amazonaws.eu"
    ),
  ])
  func placesDependOnTheRegion(
    _ region: String, _ ec2: String, _ iam: String, _ signed: String, _ organizations: String
  ) throws {
    let endpoints = AWSEndpoints(environment: [:])
    #expect(try endpoints.place(of: .ec2, region: region).url == WebURL("https://\(ec2)/"))
    #expect(try endpoints.place(of: .ec2, region: region).region == region)
    #expect(try endpoints.place(of: .iam, region: region).url == WebURL("https://\(iam)/"))
    #expect(try endpoints.place(of: .iam, region: region).region == signed)
    #expect(try endpoints.place(of: .organizations, region: region).url == WebURL("https://\(organizations)/"))
  }

  @Test func placesCanBeNamed() throws {
    func place(_ environment: [String: String], _ service: AWSEndpoints.Service = .autoscaling) throws -> String {
      try AWSEndpoints(environment: environment).place(of: service, region: "eu-west-1").url.authority
    }
    let names = ["AWS_ENDPOINT_URL": "https://all.test", "AWS_ENDPOINT_URL_AUTO_SCALING": "https://scaling.test:99"]
    #expect(try place(names) == "scaling.test:99")
    #expect(try place(names, .sts) == "all.test")
    let ignored = names.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { $1 }
    #expect(try place(ignored) == "autoscaling.eu-west-1.amazonaws.com")
    #expect(try place(names.merging(["AWS_USE_FIPS_ENDPOINT": "true"]) { $1 }) == "scaling.test:99")
    // The profile's, which count less.
    var files = AWSSharedFiles()
    files.add(
      config: """
        [profile dev]
        services = local
        endpoint_url = https://profile.test
        use_fips_endpoint = true
        [services local]
        auto_scaling =
          endpoint_url = https://service.test
        """)
    func profile(_ more: [String: String], _ service: AWSEndpoints.Service) throws -> String {
      let environment = ["AWS_PROFILE": "dev"].merging(more) { $1 }
      return try AWSEndpoints(AWSConfiguration(environment: environment, files: files))
        .place(of: service, region: "eu-west-1").url.authority
    }
    #expect(try profile([:], .autoscaling) == "service.test")
    #expect(try profile([:], .sts) == "profile.test")
    #expect(try profile(["AWS_ENDPOINT_URL": "https://all.test"], .autoscaling) == "all.test")
    #expect(try profile(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"], .sts) == "sts-fips.eu-west-1.amazonaws.com")
  }

  /// As the endpoint rules of AWS's clients have them: usual, FIPS, IPv6 too, both.
  @Test(arguments: [
    (
      "eu-west-1", AWSEndpoints.Service.sts,
      [
        "sts.eu-west-1.amazonaws.com", "sts-fips.eu-west-1.amazonaws.com", "sts.eu-west-1.api.aws",
        "sts-fips.eu-west-1.api.aws",
      ]
    ),
    (
      "eu-west-1", .eks,
      [
        "eks.eu-west-1.amazonaws.com", "fips.eks.eu-west-1.amazonaws.com", "eks.eu-west-1.api.aws",
        "eks-fips.eu-west-1.api.aws",
      ]
    ),
    (
      "eu-west-1", .sso,
      [
        "portal.sso.eu-west-1.amazonaws.com", "portal.sso-fips.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.api.aws",
        "portal.sso-fips.eu-west-1.api.aws",
      ]
    ),
    (
      "eu-west-1", .iam,
      ["iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam-fips.global.api.aws"]
    ),
    (
      "us-gov-east-1", .ec2,
      [
        "ec2.us-gov-east-1.amazonaws.com", "ec2.us-gov-east-1.amazonaws.com", "ec2.us-gov-east-1.api.aws",
        "ec2-fips.us-gov-east-1.api.aws",
      ]
    ),
    (
      "us-gov-east-1", .organizations,
      [
        "organizations.us-gov-west-1.amazonaws.com", "organizations.us-gov-west-1.amazonaws.com",
        "organizations.us-gov-west-1.api.aws", "organizations.us-gov-west-1.api.aws",
      ]
    ),
    (
      "us-gov-east-1", .iam,
      ["iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.api.aws"]
    ),
    (
      "cn-north-1", .iam,
      [
        "iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn", "iam.global.api.amazonwebservices.com.cn",
        "iam-fips.api.amazonwebservices.com.cn",
      ]
    ),
    (
      "us-iso-east-1", .iam,
      [
        "iam.us-iso-east-1.c2s.ic.gov", "iam-fips.us-iso-east-1.c2s.ic.gov", "iam.api.aws.ic.gov",
        "iam-fips.api.aws.ic.gov",
      ]
    ),
    (
      "us-isof-south-1", .autoscaling,
      [
        "autoscaling.us-isof-south-1.csp.hci.ic.gov", "autoscaling-fips.us-isof-south-1.csp.hci.ic.gov",
        "autoscaling.us-isof-south-1.api.aws.hci.ic.gov", "autoscaling-fips.us-isof-south-1.api.aws.hci.ic.gov",
      ]
    ),
    (
      "eu-isoe-west-1", .sts,
      [
        "sts.eu-isoe-west-1.cloud.adc-e.uk", "sts-fips.eu-isoe-west-1.cloud.adc-e.uk",
        "sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk", "sts-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
      ]
    ),
  ])
  func hostsOfEachKind(_ region: String, _ service: AWSEndpoints.Service, _ expected: [String]) throws {
    let found = try [("", ""), ("true", ""), ("", "true"), ("true", "true")].map { fips, dual in
      let environment = ["AWS_USE_FIPS_ENDPOINT": fips, "AWS_USE_DUALSTACK_ENDPOINT": dual]
      return try AWSEndpoints(environment: environment).place(of: service, region: region).url.authority
    }
    #expect(found == expected)
  }

  @Test(arguments: ["", "evil.example/", "us-east-1.evil.example", "US-EAST-1", String(repeating: "a", count: 33)])
  func aRegionCannotLeadElsewhere(_ region: String) {
    #expect(throws: AWSError.self) { try AWSEndpoints(environment: [:]).place(of: .ec2, region: region) }
  }
}
