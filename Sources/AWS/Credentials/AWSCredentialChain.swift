/// Finds out where credentials are, in the order of AWS's own tools (aws-sdk-go-v2): keys of the environment, its web
/// identity, the profile of the shared files, the container's endpoint, the instance's metadata service. The first place
/// that is named decides; where it fails, no other one is tried. A pure function of the environment and the files.
struct AWSCredentialChain: Sendable {
  /// The most profiles that may follow each other by `source_profile`.
  private static let maximumDepth = 10

  let environment: [String: String]
  let files: AWSSharedFiles
  /// Of roles where none is configured.
  let session: String

  init(environment: [String: String], files: AWSSharedFiles, session: String = "spire-server") {
    self.environment = environment
    self.files = files
    self.session = session
  }

  func plan() throws(AWSError) -> AWSCredentialPlan {
    if let keys = environmentKeys { return AWSCredentialPlan(place: .keys(keys, of: "the environment")) }
    if let path = value("AWS_WEB_IDENTITY_TOKEN_FILE") {
      guard let role = value("AWS_ROLE_ARN") else {
        throw AWSError("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
      }
      let identity = AWSWebIdentity(tokenFile: path, role: role, session: value("AWS_ROLE_SESSION_NAME") ?? session)
      return AWSCredentialPlan(place: .webIdentity(identity))
    }
    let name = Self.profileName(environment)
    guard files.profiles[name ?? "default"] != nil else {
      // Whoever names a profile does not want to be somebody else.
      if let name { throw AWSError("failed to get shared config profile, \(name)") }
      return AWSCredentialPlan(place: try ownPlace())
    }
    return try plan(ofProfile: name ?? "default", via: [])
  }

  /// The profile that the environment names.
  static func profileName(_ environment: [String: String]) -> String? {
    ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
  }

  private func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  private var environmentKeys: AWSCredentials? {
    guard let id = value("AWS_ACCESS_KEY_ID") ?? value("AWS_ACCESS_KEY"),
      let secret = value("AWS_SECRET_ACCESS_KEY") ?? value("AWS_SECRET_KEY")
    else { return nil }
    return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: value("AWS_SESSION_TOKEN"))
  }

  // MARK: Profiles

  /// - Parameter earlier: the profiles whose `source_profile` led here.
  private func plan(ofProfile name: String, via earlier: [String]) throws(AWSError) -> AWSCredentialPlan {
    guard let section = files.profiles[name] else {
      throw AWSError(
        "failed to load assume role of profile \(earlier.last ?? ""): failed to get shared config profile, \(name)")
    }
    let profile = AWSProfile(name, section)
    // A profile that names itself, or one that led to it, stands there for its own keys.
    let isFirst = !earlier.contains(name)
    try profile.check(isFirst: isFirst)
    let way = earlier + [name]
    var found: AWSCredentialPlan
    if !earlier.isEmpty, let keys = profile.keys {
      found = AWSCredentialPlan(place: .keys(keys, of: "its keys"), profiles: way)
    } else if let source = profile["source_profile"] {
      try profile.checkOneSource()
      guard isFirst, way.count < Self.maximumDepth else {
        throw AWSError(
          (isFirst ? "too many profiles follow each other by source_profile: " : "source_profile leads in a circle: ")
            + way.joined(separator: ", "))
      }
      found = try plan(ofProfile: source, via: way)
    } else {
      try profile.checkOneSource()
      guard earlier.isEmpty || profile.hasSource else {
        throw AWSError(
          "failed to load assume role of profile \(earlier.last ?? ""): profile \(name) has no credentials")
      }
      found = AWSCredentialPlan(place: try place(of: profile), profiles: way)
      if case .webIdentity = found.place { return found }
    }
    if isFirst, let role = try profile.role(session: session) { found.roles.append(role) }
    return found
  }

  private func place(of profile: AWSProfile) throws(AWSError) -> AWSCredentialPlan.Place {
    if let keys = profile.keys { return .keys(keys, of: "its keys") }
    if let source = profile["credential_source"] { return try place(of: source, profile) }
    if let file = profile["web_identity_token_file"] {
      guard let role = try profile.role(session: session) else {
        throw AWSError("credential type web_identity_token_file requires role_arn, profile \(profile.name)")
      }
      return .webIdentity(AWSWebIdentity(tokenFile: file, role: role.arn, session: role.session, seconds: role.seconds))
    }
    if profile.hasSSO { return .sso(try profile.sso(files.sessions)) }
    if let command = profile["credential_process"] { return .process(command) }
    // To go on as somebody else than the profile says would be worse than not to go on.
    guard profile["login_session"] == nil else {
      throw AWSError(
        "profile \(profile.name) has login_session, which is not supported: use sso_session, keys or credential_process"
      )
    }
    return try ownPlace()
  }

  private func place(of source: String, _ profile: AWSProfile) throws(AWSError) -> AWSCredentialPlan.Place {
    switch source {
    case "Environment":
      guard let keys = environmentKeys else {
        throw AWSError(
          "profile \(profile.name): credential_source is Environment, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
            + "not set")
      }
      return .keys(keys, of: "the environment")
    case "Ec2InstanceMetadata": return .instance
    case "EcsContainer":
      guard let endpoint = try container() else {
        throw AWSError(
          "profile \(profile.name): EcsContainer was specified as the credential_source, but neither "
            + "'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI' or 'AWS_CONTAINER_CREDENTIALS_FULL_URI' was set")
      }
      return .container(endpoint)
    default:
      throw AWSError(
        "profile \(profile.name): credential_source values must be EcsContainer, Ec2InstanceMetadata, or Environment")
    }
  }

  // MARK: Places that need no file

  private func ownPlace() throws(AWSError) -> AWSCredentialPlan.Place {
    if let endpoint = try container() { return .container(endpoint) }
    guard value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else {
      throw AWSError(
        "no credentials of AWS are to be had; set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and "
          + "AWS_SECRET_ACCESS_KEY in the environment (no profile, no web identity, no container's endpoint, and "
          + "AWS_EC2_METADATA_DISABLED is set)")
    }
    return .instance
  }

  private func container() throws(AWSError) -> AWSContainerEndpoint? {
    let url: String
    if let relative = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
      guard relative.hasPrefix("/") else {
        throw AWSError("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash")
      }
      url = "http://169.254.170.2" + relative
    } else if let full = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
      url = full
    } else {
      return nil
    }
    return AWSContainerEndpoint(
      url: url, tokenFile: value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
      token: value("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
  }
}
