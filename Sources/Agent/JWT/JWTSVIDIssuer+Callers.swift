import Daemon
import FoundationEssentials
import Logging
import SPIFFE

/// What all APIs that hand out JWT-SVIDs have in common: the Workload API, delegated identity, the broker API.
extension JWTSVIDIssuer {
  /// As much of a text of a caller's as is logged. In characters.
  private static let mostLogged = 2048

  /// A JWT-SVID for a caller: logged, and a failure said as callers are told of it.
  ///
  /// - Parameters:
  ///   - logsDebug: whether the record of a success is written.
  ///   - fields: of the records, besides what they are about.
  func svid(
    for entry: AgentEntry, audience: [String], logsDebug: Bool, fields: Logger.Metadata = [:],
    logger: @autoclosure () -> Logger
  ) async throws -> IssuedJWTSVID {
    do {
      let svid = try await svid(for: entry, audience: audience)
      if logsDebug {
        let about: Logger.Metadata = [
          "spiffe_id": "\(entry.spiffeID)", "ttl": "\(GoText.float(svid.expiresAt.timeIntervalSince(time.now)))",
        ]
        logger().debug("Fetched JWT SVID", metadata: fields.merging(about) { $1 })
      }
      return svid
    } catch {
      if error is CancellationError { throw error }
      let failure = AgentError.wrapping(error)
      let about: Logger.Metadata = ["error": "\(failure.message)", "spiffe_id": "\(entry.spiffeID)"]
      logger().error("Could not fetch JWT-SVID", metadata: fields.merging(about) { $1 })
      throw AgentError(.unavailable, "could not fetch JWT-SVID: \(failure.message)", cause: failure)
    }
  }

  /// The identity that a caller asks for; nil for all of them.
  static func requestedID(_ text: String, logger: @autoclosure () -> Logger) throws(AgentError) -> SPIFFEID? {
    if text.isEmpty { return nil }
    do { return try SPIFFEID(text) } catch {
      logger().error(
        "Invalid requested SPIFFE ID",
        metadata: ["error": "\(error)", "spiffe_id": "\(text.prefix(mostLogged))"])
      throw AgentError(.invalidArgument, "invalid requested SPIFFE ID: \(error)", cause: error)
    }
  }
}
