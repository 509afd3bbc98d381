import AWS
import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import Synchronization

/// Passwords for databases of Amazon RDS with IAM: signed URLs that say who wants to connect, good for 15 minutes.
///
/// Made by ``SQLEngines`` for `aws_postgres` and `aws_mysql`, asked for each new connection, from the queues of several.
/// A token is used again until a minute before its end.
final class RDSToken: PasswordSource {
  /// Seconds.
  private static let lifetime = 900
  private static let margin: TimeInterval = 60

  private struct Key: Hashable {
    var endpoint: String
    var user: String
  }
  private struct Token {
    var text: String
    var end: Date
  }
  private struct State {
    var credentials: Result<AWSCredentials, AWSError>?
    var tokens: [Key: Token] = [:]
  }

  private let region: String
  private let time: any TimeSource
  private let findCredentials: @Sendable () async throws(AWSError) -> AWSCredentials
  private let state = Mutex(State())

  convenience init(
    _ access: AWSDatabaseAccess, environment: [String: String] = ProcessInfo.processInfo.environment,
    time: any TimeSource = SystemTime(), logger: Logger? = nil
  ) throws(DatastoreError) {
    guard !access.region.isEmpty else { throw .sql(.invalidArgument, "region must be specified") }
    let given = AWSCredentials(accessKeyID: access.accessKeyID, secretAccessKey: access.secretAccessKey)
    guard given.accessKeyID.isEmpty == given.secretAccessKey.isEmpty else {
      throw .sql(.invalidArgument, "access_key_id and secret_access_key must be set together")
    }
    let services = AWSServices(
      given: given.accessKeyID.isEmpty ? nil : given, environment: environment, time: time, logger: logger)
    self.init(region: access.region, time: time) { () async throws(AWSError) in
      try await services.credentials(region: access.region)
    }
  }

  init(
    region: String, time: any TimeSource,
    findCredentials: @escaping @Sendable () async throws(AWSError) -> AWSCredentials
  ) {
    self.region = region
    self.time = time
    self.findCredentials = findCredentials
  }

  /// Finds the credentials to sign with. They are kept until shortly before their end by whoever finds them.
  func prepare() async {
    let found: Result<AWSCredentials, AWSError>
    do throws(AWSError) { found = .success(try await findCredentials()) } catch { found = .failure(error) }
    state.withLock { $0.credentials = found }
  }

  func password(endpoint: String, user: String) throws(DatastoreError) -> String {
    let key = Key(endpoint: endpoint, user: user)
    let now = time.now
    let (token, found) = state.withLock { ($0.tokens[key], $0.credentials) }
    if let token, now < token.end.addingTimeInterval(-Self.margin) { return token.text }
    let credentials: AWSCredentials
    do throws(AWSError) {
      guard let found else { throw AWSError("no credentials of AWS were looked for") }
      credentials = try found.get()
    } catch {
      throw .sql(.unavailable, "cannot make a token for the database at \(endpoint): \(error)", cause: error)
    }
    let request = AWSRequest(
      host: endpoint, query: [AWSRequest.Field("Action", "connect"), AWSRequest.Field("DBUser", user)])
    let text = SignatureV4(region: region, service: "rds-db")
      .presignedURL(for: request, credentials: credentials, at: now, expiry: Self.lifetime)
    // A token ends with the credentials that it was made with.
    let end = min(now.addingTimeInterval(TimeInterval(Self.lifetime)), credentials.expiresAt ?? .distantFuture)
    state.withLock { $0.tokens[key] = Token(text: text, end: end) }
    return text
  }
}
