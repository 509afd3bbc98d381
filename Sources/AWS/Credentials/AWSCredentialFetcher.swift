import Crypto
import Daemon
import FoundationEssentials
import HTTP
import Keys
import Programs

/// Gets the credentials of an ``AWSCredentialPlan``: asks the place, then assumes the roles. A value; keeps nothing.
struct AWSCredentialFetcher: Sendable {
  let configuration: AWSConfiguration
  /// Makes calls of AWS's services with these credentials, or unsigned ones.
  let api: @Sendable (AWSCredentials?) -> AWSAPI
  let time: any TimeSource
  var bounds = BoundedProgram.Bounds(time: .seconds(20), output: 256 << 10, remarks: 1024)

  /// - Parameter region: whose STS is asked.
  func credentials(_ plan: AWSCredentialPlan, region: String) async throws(AWSError) -> AWSCredentials {
    var found: AWSCredentials
    do throws(AWSError) {
      found = try await credentials(of: plan.place, region: region)
    } catch {
      throw error.at(plan.placeName)
    }
    for role in plan.roles {
      do throws(AWSError) {
        found = try await api(found).credentials(of: role, region: region)
      } catch {
        throw error.at("\(plan.placeName): role \(role.arn)")
      }
    }
    return found
  }

  private func credentials(
    of place: AWSCredentialPlan.Place, region: String
  ) async throws(AWSError) -> AWSCredentials {
    switch place {
    case .keys(let keys, _): return keys
    case .webIdentity(let identity):
      let token = try await AWSMachine.token(identity.tokenFile, "the web identity's token")
      return try await api(nil).credentials(of: identity, token: token, region: region)
    case .process(let command): return try await run(command)
    case .sso(let sso): return try await credentials(of: sso)
    case .container(let endpoint): return try await AWSMachine(configuration, time: time).credentials(endpoint)
    case .instance:
      do throws(AWSError) {
        return try await AWSMachine(configuration, time: time).instanceCredentials()
      } catch {
        throw AWSError(
          "\(error); nothing else is named: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or "
            + "AWS_WEB_IDENTITY_TOKEN_FILE where this is not an instance with a role")
      }
    }
  }

  /// A line for the shell, as AWS's tools have it.
  private func run(_ command: String) async throws(AWSError) -> AWSCredentials {
    let program = BoundedProgram(
      "/bin/sh", ["-c", command], environment: configuration.environment, bounds: bounds)
    let output: [UInt8]
    do {
      // Not in the lane of the caller's work: the program takes time, not a processor.
      output = try await BackgroundWork.$pass.withValue(nil) { try await BackgroundWork.run { try program.run() } }
    } catch let error as BoundedProgram.Failure {
      throw AWSError(
        "the program \(error)",
        remarks: AWSFailure.line(String(Substring(decoding: error.remarks, as: UTF8.self).trimmed)))
    } catch {
      throw AWSError("the program: \(error)")
    }
    return try AWSCredentialDocument.printed(output)
  }

  private func credentials(of sso: AWSSSO) async throws(AWSError) -> AWSCredentials {
    let advice = "run `aws sso login --profile \(sso.profile)` as the user that this server runs as"
    guard let home = configuration.environment["HOME"], !home.isEmpty else {
      throw AWSError("HOME is not set, so the token of `aws sso login` is not found")
    }
    let name = Insecure.SHA1.hash(data: Data(sso.cacheName.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
    let path = "\(home)/.aws/sso/cache/\(name).json"
    let bytes: [UInt8]?
    do {
      bytes = try await BackgroundWork.run { try BoundedFile.read(path, limit: AWSMachine.maximumToken) }
    } catch { throw AWSError("the cached SSO token cannot be read: \(error)") }
    guard let bytes else { throw AWSError("there is no cached SSO token \(path): \(advice)") }
    let (token, end) = try AWSCredentialDocument.ssoToken(bytes)
    guard end > time.now else { throw AWSError("the cached SSO token ended at \(GoTime.rfc3339(end)): \(advice)") }
    let answer = try await api(nil).get(
      .sso, region: sso.region, path: ["federation", "credentials"],
      query: [("account_id", sso.account), ("role_name", sso.role)],
      headers: [AWSRequest.Field("x-amz-sso_bearer_token", token)])
    return try AWSCredentialDocument.sso(answer)
  }
}
