import Daemon
import FoundationEssentials
import Logging
import SVIDFiles
import WorkloadClient
import WorkloadProtos

/// Keeps one JWT-SVID in its file. A value; the runtime runs one for each of `jwt_svids`.
struct TokenLoop: Sendable {
  let token: HelperConfiguration.Token
  let mode: UInt32
  let hint: String
  /// The file as the health page names it.
  let path: String
  let api: WorkloadAPIClient
  let files: HelperFiles
  let status: WriteStatus
  let time: any TimeSource
  let logger: Logger

  /// Runs until the task is cancelled.
  func run() async {
    var schedule = TokenSchedule()
    while !Task.isCancelled {
      let wait: Duration
      do {
        wait = schedule.fetched(expiry: try await update(), now: time.now)
        logger.info("JWT SVID updated", metadata: ["file": "\(path)"])
      } catch {
        if Task.isCancelled { return }
        logger.error(
          "Unable to update JWT SVID", metadata: ["file": "\(path)", "error": "\(HelperError.text(of: error))"])
        wait = schedule.failed()
      }
      do { try await time.sleep(for: wait) } catch { return }
    }
  }

  /// Fetches a token and writes it; when it expires.
  func update() async throws -> Date {
    var request = WorkloadJWTSVIDRequest()
    request.audience = token.audience
    let fetched = try FetchedToken(
      try await api.jwtSVIDs(request), hint: hint, audience: token.audience, now: time.now)
    do {
      try await files.write([PlannedFile(name: token.fileName, bytes: Array(fetched.token.utf8), mode: mode)])
    } catch {
      status.set(path, .failed)
      throw error
    }
    status.set(path, .written)
    return fetched.expiry
  }
}
