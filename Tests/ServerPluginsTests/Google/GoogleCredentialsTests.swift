import Foundation
import HTTP
import Mutations
import SPIFFE
import Testing

@testable import ServerPlugins

/// What a file of credentials may say, and where it may not send anybody.
@Suite struct GoogleCredentialsTests {
  private func fault(_ text: String) throws -> String {
    let document = try JSONValue(parsing: Array(text.utf8))
    do throws(GoogleCredentials.Fault) {
      _ = try GoogleCredentials(document)
      return ""
    } catch { return error.text }
  }

  private func external(_ more: String, source: String = #"{"file":"/f"}"#) -> String {
    #"{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":\#(source)\#(more)}"#
  }

  @Test(arguments: [
    ("gdch_service_account", true), ("external_account_authorized_user", true), ("service_account", false), ("", true),
  ])
  func typesThatAreNotSupported(_ type: String, _ isNamed: Bool) throws {
    let said = try fault(#"{"type":"\#(type)"}"#)
    #expect(
      said == (isNamed ? #"is of the type "\#(type)", which is not supported"# : "lacks client_email or private_key"))
  }

  @Test func otherUniverses() throws {
    #expect(
      try fault(#"{"type":"authorized_user","universe_domain":"apis.example"}"#)
        == #"is of the universe "apis.example", which is not supported"#)
  }

  @Test(arguments: [
    "sts.googleapis.com", "us-east1.sts.googleapis.com", "sts.us-east1.googleapis.com", "us-east1-sts.googleapis.com",
    "sts-name.p.googleapis.com", "sts.mtls.googleapis.com", "us-east1.sts.mtls.googleapis.com",
    "sts-name.p.mtls.googleapis.com",
  ])
  func hostsOfGooglesTokenService(_ host: String) throws {
    #expect(GoogleHosts.isService(host, "sts"))
    #expect(try fault(external(#","token_url":"https://\#(host)/v1/token""#)) == "")
  }

  @Test(arguments: [
    "http://sts.googleapis.com/", "https://sts.googleapis.com.evil.test/", "https://evil.test/sts.googleapis.com",
    "https://evilsts.googleapis.com/", "https://sts.googleapis.com:8443/", "https://storage.googleapis.com/",
    "https://a.b.sts.googleapis.com/", "https://sts.a.b.googleapis.com/", "https://googleapis.com/",
    "https://sts..googleapis.com/", "https://user@sts.googleapis.com/", "https://169.254.169.254/", "file:///x",
  ])
  func hostsThatAreNone(_ url: String) throws {
    #expect(try fault(external(#","token_url":"\#(url)""#)).hasPrefix("has a token_url that "))
  }

  @Test(arguments: [
    "https://iamcredentials.evil.test/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
    "http://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:signBlob",
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/../a@b:generateAccessToken",
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:generateAccessToken",
  ])
  func accountsThatAreNone(_ url: String) throws {
    #expect(
      try fault(external(#","service_account_impersonation_url":"\#(url)""#))
        .hasPrefix("has a service_account_impersonation_url that "))
  }

  @Test(arguments: [
    (#"{"url":"http://evil.test/"}"#, "has a credential_source.url of another machine without https"),
    (#"{"url":"http://127.evil.test/"}"#, "has a credential_source.url of another machine without https"),
    (#"{"url":"http://10.0.0.1/"}"#, "has a credential_source.url of another machine without https"),
    (#"{"url":"http://127.0.0.1:8080/"}"#, ""), (#"{"url":"https://tokens.example/"}"#, ""),
    (#"{"url":"http://169.254.169.254/metadata/identity/oauth2/token"}"#, ""),
    (#"{"environment_id":"aws2"}"#, #"has an environment_id that is not supported: "aws2""#),
    (
      #"{"environment_id":"aws1","url":"http://10.0.0.1/"}"#,
      "has a credential_source.url that is not of Amazon's metadata service"
    ),
    (
      #"{"environment_id":"aws1","region_url":"https://169.254.169.254/"}"#,
      "has a credential_source.region_url that is not of Amazon's metadata service"
    ),
    (
      #"{"environment_id":"aws1","regional_cred_verification_url":"https://evil.test?Action=x"}"#,
      "has a regional_cred_verification_url that is not of Amazon's STS"
    ),
    (#"{"environment_id":"aws1","url":"http://[fd00:ec2::254]/latest"}"#, ""),
    (#"{"executable":{"command":"sh -c x"}}"#, "has an executable whose command is no absolute path"),
    (
      #"{"executable":{"command":"/bin/x","timeout_millis":1}}"#,
      "has an invalid `timeout_millis` field — executable timeout must be between 5 and 120 seconds"
    ),
    (#"{"certificate":{}}"#, "has credential_source.certificate, which is not supported"),
    ("{}", "has a credential_source without file, url, executable or environment_id"),
    (#"{"file":"/f","format":{"type":"json"}}"#, "has a json format without subject_token_field_name"),
    (#"{"file":"/f","format":{"type":"xml"}}"#, "has a credential_source.format of a type that is not supported"),
  ])
  func sourcesOfTokens(_ source: String, _ says: String) throws {
    #expect(try fault(external("", source: source)) == says)
  }

  @Test func impersonationInImpersonation() throws {
    let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken"
    let inner = #"{"type":"impersonated_service_account"}"#
    #expect(
      try fault(
        #"{"type":"impersonated_service_account","service_account_impersonation_url":"\#(url)","source_credentials":\#(inner)}"#
      )
        == "has source_credentials that are impersonated themselves, which is not supported")
    #expect(
      try fault(inner) == "lacks source_credentials or service_account_impersonation_url")
  }

  @Test func workforcePools() throws {
    #expect(
      try fault(external(#","workforce_pool_user_project":"1""#))
        == "has workforce_pool_user_project, which is for workforce pools only")
  }

  @Test func keysThatAreNone() throws {
    #expect(
      try fault(#"{"type":"service_account","client_email":"a","private_key":"x"}"#)
        == "has a private_key that is not read")
  }

  @Test func filesThatAreNearlyRight() throws {
    let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken"
    let file = external(
      #","token_url":"https://sts.googleapis.com/v1/token","service_account_impersonation_url":"\#(url)""#,
      source: #"{"url":"http://169.254.169.254/token"}"#)
    for bytes in Mutations(of: file, count: 4000) {
      guard let json = try? JSONValue(parsing: bytes), case .external(let account)? = try? GoogleCredentials(json)
      else { continue }
      #expect(account.tokenURL.scheme == .https && account.tokenURL.host.hasSuffix(".googleapis.com"))
      #expect(account.impersonation.map { $0.url.host.hasSuffix(".googleapis.com") } ?? true)
      guard case .url(let url, _, _) = account.source else { continue }
      #expect(url.scheme == .https || GoogleHosts.isNear(url.host))
    }
  }

  @Test func programsAnswersThatAreNearlyRight() throws {
    let program = try GoogleExecutable(["command": "/bin/true"])
    let good =
      #"{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"t"}"#
    for bytes in Mutations(of: good, count: 2000) {
      if let token = try? program.token(in: bytes, "response", at: Date()) { #expect(!token.isEmpty) }
    }
  }
}
