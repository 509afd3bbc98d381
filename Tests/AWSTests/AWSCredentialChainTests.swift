import Testing

@testable import AWS

/// Where credentials come from, by the environment and the shared files. The rules are those of aws-sdk-go-v2.
@Suite struct AWSCredentialChainTests {
  private func plan(
    _ environment: [String: String] = [:], config: String = "", credentials: String = ""
  ) throws(AWSError) -> AWSCredentialPlan {
    var files = AWSSharedFiles()
    files.add(config: config)
    files.add(credentials: credentials)
    return try AWSCredentialChain(environment: environment, files: files).plan()
  }

  private func said(
    _ environment: [String: String] = [:], config: String = "", credentials: String = ""
  ) -> String {
    do throws(AWSError) { return "\(try plan(environment, config: config, credentials: credentials))" } catch {
      return error.message
    }
  }

  private func keys(_ id: String, _ secret: String, _ token: String? = nil) -> AWSCredentials {
    AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
  }

  private static let both = "[default]\naws_access_key_id = F\naws_secret_access_key = f"
  private static let environmentKeys = ["AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e"]
  private static let web = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"]
  private static let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"]

  /// Each place counts more than those that follow.
  @Test func theOrder() throws {
    var environment = Self.environmentKeys.merging(Self.web) { $1 }.merging(Self.container) { $1 }
    environment["AWS_SESSION_TOKEN"] = "t"
    func place(_ credentials: String = Self.both) throws -> AWSCredentialPlan.Place {
      try plan(environment, credentials: credentials).place
    }
    #expect(try place() == .keys(keys("E", "e", "t"), of: "the environment"))
    environment["AWS_SECRET_ACCESS_KEY"] = ""
    #expect(
      try place()
        == .webIdentity(AWSWebIdentity(tokenFile: "/token", role: "arn:aws:iam::1:role/r", session: "spire-server")))
    environment["AWS_ROLE_SESSION_NAME"] = "me"
    guard case .webIdentity(let identity) = try place() else { throw AWSError("no web identity") }
    #expect(identity.session == "me")
    environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
    #expect(try place() == .keys(keys("F", "f"), of: "its keys"))
    #expect(
      try place("") == .container(AWSContainerEndpoint(url: "http://169.254.170.2/v2/x", tokenFile: nil, token: nil)))
    environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = nil
    #expect(try place("") == .instance)
    environment["AWS_EC2_METADATA_DISABLED"] = "TRUE"
    #expect(throws: AWSError.self) { try place("") }
  }

  @Test func olderNamesOfTheKeys() throws {
    #expect(
      try plan(["AWS_ACCESS_KEY": "A", "AWS_SECRET_KEY": "b"]).place == .keys(keys("A", "b"), of: "the environment"))
  }

  @Test func aWebIdentityWithoutARole() {
    #expect(said(["AWS_WEB_IDENTITY_TOKEN_FILE": "/t"]) == "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
  }

  @Test func theContainersToken() throws {
    let full = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
    ]
    #expect(
      try plan(full).place
        == .container(
          AWSContainerEndpoint(url: "http://169.254.170.23/v1/credentials", tokenFile: "/var/run/token", token: "t")))
    #expect(said(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x@evil.example/"]).contains("slash"))
  }

  // MARK: Profiles

  @Test func profilesOfBothFiles() throws {
    let config = """
      [default]
      region = eu-west-1
      aws_access_key_id = old
      aws_session_token = old
      [profile  team]
      AWS_ACCESS_KEY_ID = T   # of the team
      aws_secret_access_key = t
      [team]
      aws_access_key_id = never
      [profile half]
      aws_access_key_id = H
      """
    let credentials =
      "# of mine\n[default]\naws_access_key_id=A\naws_secret_access_key = a=b#c\n[ other ]\r\n"
      + "aws_access_key_id=B\r\naws_secret_access_key = c \r\naws_session_token = t\n[profile team]\nregion = x"
    func found(_ environment: [String: String]) throws -> AWSCredentialPlan.Place {
      try plan(environment, config: config, credentials: credentials).place
    }
    // No file's token goes with another's key.
    #expect(try found([:]) == .keys(keys("A", "a=b#c"), of: "its keys"))
    #expect(try found(["AWS_PROFILE": "team"]) == .keys(keys("T", "t"), of: "its keys"))
    #expect(try found(["AWS_DEFAULT_PROFILE": "other"]) == .keys(keys("B", "c", "t"), of: "its keys"))
    #expect(
      said(["AWS_PROFILE": "half"], config: config) == "partial credentials found for profile half")
    // Whoever names a profile does not want to be the machine.
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
      #expect(said([variable: "none"], config: config) == "failed to get shared config profile, none")
    }
  }

  @Test func aRoleWithASourceProfile() throws {
    let config = """
      [profile a]
      role_arn = arn:aws:iam::1:role/a
      source_profile = b
      external_id = x
      role_session_name = me
      duration_seconds = 1800
      [profile b]
      role_arn = arn:aws:iam::2:role/b
      source_profile = default
      """
    let found = try plan(["AWS_PROFILE": "a"], config: config, credentials: Self.both)
    #expect(found.place == .keys(keys("F", "f"), of: "its keys"))
    #expect(
      found.roles == [
        AWSRole(arn: "arn:aws:iam::2:role/b", session: "spire-server"),
        AWSRole(arn: "arn:aws:iam::1:role/a", session: "me", externalID: "x", seconds: 1800),
      ])
    #expect(found.placeName == "profile default: its keys")
  }

  @Test func aProfileThatIsItsOwnSource() throws {
    let config = Self.both + "\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = default"
    let found = try plan(config: config)
    #expect(found.place == .keys(keys("F", "f"), of: "its keys"))
    #expect(found.roles.map(\.arn) == ["arn:aws:iam::1:role/a"])
  }

  @Test func circlesAndDeadEnds() {
    func profile(_ name: String, _ source: String) -> String {
      "[profile \(name)]\nrole_arn = arn:aws:iam::1:role/\(name)\nsource_profile = \(source)\n"
    }
    let a = ["AWS_PROFILE": "a"]
    #expect(
      said(a, config: profile("a", "b") + profile("b", "a")) == "source_profile leads in a circle: a, b, a")
    #expect(said(a, config: profile("a", "a")) == "source_profile leads in a circle: a, a")
    #expect(
      said(a, config: profile("a", "none"))
        == "failed to load assume role of profile a: failed to get shared config profile, none")
    #expect(
      said(a, config: profile("a", "b") + "[profile b]\nregion = x")
        == "failed to load assume role of profile a: profile b has no credentials")
    let names = (0..<20).map { "p\($0)" } + ["end"]
    let long = zip(names, names.dropFirst()).map(profile).joined()
    #expect(said(["AWS_PROFILE": "p0"], config: long).hasPrefix("too many profiles follow each other"))
  }

  @Test func aRoleWithACredentialSource() throws {
    func config(_ source: String) -> String {
      "[default]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = \(source)"
    }
    let profile = ["AWS_PROFILE": "default"]
    var found = try plan(profile, config: config("Ec2InstanceMetadata"))
    #expect(found.place == .instance && found.roles.count == 1)
    found = try plan(profile.merging(Self.container) { $1 }, config: config("EcsContainer"))
    #expect(found.placeName == "profile default: the container's endpoint http://169.254.170.2/v2/x")
    #expect(found.roles.count == 1)
    #expect(said(profile, config: config("EcsContainer")).contains("EcsContainer was specified"))
    #expect(said(profile, config: config("Environment")).contains("AWS_ACCESS_KEY_ID"))
    #expect(
      said(profile, config: config("environment"))
        == "profile default: credential_source values must be EcsContainer, Ec2InstanceMetadata, or Environment")
    // What the environment's keys are for where the profile says so.
    var files = AWSSharedFiles()
    files.add(config: config("Environment"))
    let keys = Self.environmentKeys
    #expect(try AWSCredentialChain(environment: keys, files: files).plan().roles.isEmpty)
  }

  @Test func otherSourcesOfAProfile() throws {
    let web =
      "[default]\nweb_identity_token_file = /token\nrole_arn = arn:aws:iam::1:role/r\nrole_session_name = me\n"
      + "duration_seconds=900"
    let found = try plan(config: web)
    #expect(
      found.place
        == .webIdentity(
          AWSWebIdentity(tokenFile: "/token", role: "arn:aws:iam::1:role/r", session: "me", seconds: 900)))
    #expect(found.roles.isEmpty)
    let process = "[default]\ncredential_process = /bin/tool --user \"a b\"\nrole_arn = arn:aws:iam::1:role/r"
    #expect(try plan(config: process).place == .process("/bin/tool --user \"a b\""))
    #expect(try plan(config: process).roles.count == 1)
    // A profile that says nothing of credentials.
    #expect(try plan(config: "[default]\nregion = x").place == .instance)
  }

  @Test func ssoOfASessionAndOfTheProfile() throws {
    let session = """
      [profile s]
      sso_session = corp
      sso_account_id = 123456789012
      sso_role_name = Admin
      [sso-session corp]
      sso_region = eu-west-1
      sso_start_url = https://corp.awsapps.com/start
      """
    let s = ["AWS_PROFILE": "s"]
    #expect(
      try plan(s, config: session).place
        == .sso(
          AWSSSO(account: "123456789012", role: "Admin", region: "eu-west-1", cacheName: "corp", profile: "s")))
    let old = session.replacing("sso_session = corp\n", with: "").replacing("[sso-session corp]\n", with: "")
    guard case .sso(let sso) = try plan(s, config: old).place else { throw AWSError("no SSO") }
    #expect(sso.cacheName == "https://corp.awsapps.com/start" && sso.region == "eu-west-1")
    #expect(
      said(s, config: session.replacing("[sso-session corp]", with: "[sso-session other]"))
        == "failed to find SSO session section, corp")
    #expect(
      said(s, config: session.replacing("sso_role_name = Admin\n", with: "sso_region = us-east-1\n"))
        == "profile s: sso_region does not match that of the SSO session corp")
    #expect(
      said(s, config: session.replacing("sso_role_name = Admin\n", with: ""))
        == "profile \"s\" is configured to use SSO but is missing required configuration: sso_role_name")
  }

  /// To go on as somebody else than the profile says would be worse than not to go on.
  @Test func whatCannotBeFollowedIsNamed() {
    let role = "[default]\nrole_arn = arn:aws:iam::1:role/a\naws_access_key_id = A\naws_secret_access_key = a\n"
    #expect(said(config: role + "mfa_serial = arn:aws:iam::1:mfa/me").hasPrefix("profile default has mfa_serial"))
    for seconds in ["899", "43201", "an hour"] {
      #expect(
        said(config: role + "duration_seconds = \(seconds)")
          == "profile default: duration_seconds must be a number from 900 to 43200")
    }
    for key in ["source_profile", "credential_source", "web_identity_token_file"] {
      #expect(
        said(config: "[default]\n\(key) = x") == "credential type \(key) requires role_arn, profile default")
    }
    #expect(said(config: "[default]\nlogin_session = x").hasPrefix("profile default has login_session"))
    #expect(
      said(config: "[default]\nrole_arn = r\nsource_profile = x\ncredential_process = y")
        .contains("only one credential type may be specified per profile"))
  }
}
