/// What one profile of the shared files says about credentials, as far as it says anything. A value; holds a secret, never
/// printed.
struct AWSProfile: Sendable {
  let name: String
  private let section: AWSSharedFiles.Section

  init(_ name: String, _ section: AWSSharedFiles.Section) {
    self.name = name
    self.section = section
  }

  subscript(key: String) -> String? { section[key].flatMap { $0.isEmpty ? nil : $0 } }

  var keys: AWSCredentials? {
    guard let id = self["aws_access_key_id"], let secret = self["aws_secret_access_key"] else { return nil }
    return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: self["aws_session_token"])
  }

  /// Whether it says where credentials come from, besides the places that need no configuration.
  var hasSource: Bool {
    keys != nil
      || ["source_profile", "credential_source", "web_identity_token_file", "credential_process", "login_session"]
        .contains { self[$0] != nil }
      || hasSSO
  }

  var hasSSO: Bool { ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"].contains { self[$0] != nil } }

  /// Says what contradicts itself.
  ///
  /// - Parameter isFirst: whether the profile was not met before on the way here.
  func check(isFirst: Bool) throws(AWSError) {
    if self[AWSSharedFiles.half] != nil { throw AWSError("partial credentials found for profile \(name)") }
    guard isFirst else { return }
    for key in ["source_profile", "credential_source", "web_identity_token_file"]
    where self[key] != nil && self["role_arn"] == nil {
      throw AWSError("credential type \(key) requires role_arn, profile \(name)")
    }
  }

  func checkOneSource() throws(AWSError) {
    let sources = ["source_profile", "credential_source", "credential_process", "web_identity_token_file"]
    guard sources.count(where: { self[$0] != nil }) <= 1 else {
      throw AWSError(
        "profile \(name): only one credential type may be specified per profile: source profile, credential source, "
          + "credential process, web identity token")
    }
  }

  /// The role of `role_arn`.
  func role(session: String) throws(AWSError) -> AWSRole? {
    guard let arn = self["role_arn"] else { return nil }
    guard self["mfa_serial"] == nil else {
      throw AWSError(
        "profile \(name) has mfa_serial, and a server has nobody who could type a code: use a profile whose role does not "
          + "ask for one")
    }
    var seconds: Int?
    if let text = self["duration_seconds"] {
      guard let number = Int(text), (900...43_200).contains(number) else {
        throw AWSError("profile \(name): duration_seconds must be a number from 900 to 43200")
      }
      seconds = number
    }
    return AWSRole(
      arn: arn, session: self["role_session_name"] ?? session, externalID: self["external_id"], seconds: seconds)
  }

  /// The SSO settings, of `sso_session` or of the profile itself.
  func sso(_ sessions: [String: AWSSharedFiles.Section]) throws(AWSError) -> AWSSSO {
    var key = "sso_start_url"
    var session = self
    if let name = self["sso_session"] {
      guard let section = sessions[name] else { throw AWSError("failed to find SSO session section, \(name)") }
      session = AWSProfile(name, section)
      key = "sso_session"
      for shared in ["sso_region", "sso_start_url"] {
        if let own = self[shared], own != session[shared] {
          throw AWSError("profile \(self.name): \(shared) does not match that of the SSO session \(name)")
        }
      }
    }
    let missing =
      ["sso_account_id", "sso_role_name"].filter { self[$0] == nil }
      + ["sso_region", "sso_start_url"].filter { session[$0] == nil }
    guard missing.isEmpty, let account = self["sso_account_id"], let role = self["sso_role_name"],
      let region = session["sso_region"], let cached = self[key]
    else {
      throw AWSError(
        "profile \"\(name)\" is configured to use SSO but is missing required configuration: "
          + missing.joined(separator: ", "))
    }
    return AWSSSO(account: account, role: role, region: region, cacheName: cached, profile: name)
  }
}
