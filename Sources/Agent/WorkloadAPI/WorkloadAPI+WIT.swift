import Daemon
import FoundationEssentials
import Logging
import SPIFFE
import SwiftProtobuf
package import WorkloadProtos

/// The streams of WIT-SVIDs and WIT bundles, with the feature flag `wit-svid` (Workload API §7).
extension WorkloadAPI {
  /// Sends WIT-SVIDs of the caller's identities, or of the one it names, now and when they change, until the caller
  /// leaves or has none any more.
  package func fetchWITSVID(
    _ call: Call, _ request: WorkloadWITSVIDRequest, send: @Sendable ([UInt8]) async throws -> Void
  ) async throws {
    guard let witIssuer else { throw AgentError(.unimplemented, "fetching WIT-SVIDs is not implemented") }
    try await counted(call) {
      let requested = try JWTSVIDIssuer.requestedID(request.spiffeID, logger: call.logger)
      let selectors = try await attest(call)
      let wanted = Set(selectors)
      func entries() -> [AgentEntry] {
        HintFilter.apply(cache.matchingEntries(wanted)) { $0 }.filter { requested == nil || $0.spiffeID == requested }
      }
      await lookAgain(call) { entries().isEmpty }
      try await cache.withBell { bell in
        var served = WITService()
        while !cache.isClosed {
          let matching = entries()
          guard !matching.isEmpty else { throw noIdentity(call, selectors) }
          if let message = try await served.refresh(matching, witIssuer, time, { failed($1, $0, call) }) {
            try await send(message)
          }
          try await bell.wait(atMost: served.untilNextLook(at: time.now), time)
        }
        throw Self.ended
      }
    }
  }

  /// The JWK sets that the caller may validate WIT-SVIDs with, now and when they change.
  package func fetchWITBundles(_ call: Call) async throws(AgentError) -> WorkloadFeed {
    guard witIssuer != nil else { throw AgentError(.unimplemented, "fetching WIT bundles is not implemented") }
    return try await open(call, .witBundles)
  }

  static func witBundles(_ update: WorkloadUpdate, _ withFederated: Bool) throws -> [UInt8] {
    var response = WorkloadWITBundlesResponse()
    for bundle in bundles(update, withFederated) {
      response.bundles[bundle.trustDomain.idString] = try bundle.witJWKS()
    }
    return try bytes(response)
  }

  private func failed(_ failure: AgentError, _ entry: AgentEntry, _ call: Call) {
    call.logger.error(
      "Could not fetch WIT-SVID",
      metadata: ["error": "\(failure.message)", "registered": "true", "spiffe_id": "\(entry.spiffeID)"])
  }
}

/// What one stream of WIT-SVIDs has sent, and when to look again. A value of the stream's task.
private struct WITService {
  private var svids: [String: BoundWITSVID] = [:]
  private var last: [UInt8]?
  /// The failures in a row.
  private var failures = 0

  /// The clock may be set: nobody sleeps longer than this.
  private static let longestWait = 30.0

  /// Gets the SVIDs of `entries`; the message with them, unless it was the last one that was sent.
  ///
  /// An SVID that cannot be had does not take the others, or the one before it, from a workload that has some; the
  /// first message is complete or an error.
  mutating func refresh(
    _ entries: [AgentEntry], _ issuer: WITSVIDIssuer, _ time: any TimeSource,
    _ report: (AgentEntry, AgentError) -> Void
  ) async throws -> [UInt8]? {
    var next: [String: BoundWITSVID] = [:]
    var hasFailed = false
    for entry in entries {
      do {
        next[entry.id] = try await issuer.svid(for: entry)
      } catch {
        try Task.checkCancellation()
        let failure = AgentError.wrapping(error)
        report(entry, failure)
        hasFailed = true
        if let known = svids[entry.id], known.id == entry.spiffeID {
          next[entry.id] = known
        } else if last == nil {
          // Without the switch at the server there is nothing to try again for.
          let code: AgentError.Code = failure.code == .unimplemented ? .unimplemented : .unavailable
          throw AgentError(code, "could not fetch WIT-SVID: \(failure.message)", cause: failure)
        }
      }
    }
    // One that is handed out again although it is due says that the server gave no other.
    hasFailed = hasFailed || next.values.contains { $0.rotationTime <= time.now }
    failures = hasFailed ? failures + 1 : 0
    svids = next
    guard !next.isEmpty else { return nil }
    var response = WorkloadWITSVIDResponse()
    for entry in entries {
      guard let svid = next[entry.id] else { continue }
      var item = WorkloadWITSVID()
      item.spiffeID = svid.id.description
      item.witSvid = svid.token
      item.witSvidKey = svid.privateKey
      item.hint = entry.hint
      response.svids.append(item)
    }
    let message: [UInt8]
    do { message = try WorkloadAPI.bytes(response) } catch {
      throw AgentError(.unavailable, "could not serialize response: \(error)", cause: error)
    }
    if message == last { return nil }
    last = message
    return message
  }

  /// Until an SVID is due, or until what failed is tried again: after a second, then after twice as long each time.
  func untilNextLook(at now: Date) -> Duration {
    if failures > 0 { return .seconds(min(Self.longestWait, Double(1 << min(failures - 1, 5)))) }
    let due = svids.values.map(\.rotationTime).min()?.timeIntervalSince(now) ?? Self.longestWait
    return .milliseconds(Int64(min(Self.longestWait, max(0.05, due)) * 1000))
  }
}
