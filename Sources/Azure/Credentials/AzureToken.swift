import FoundationEssentials
import SPIFFE

/// An access token as a service gives it, and how long it is good. Holds a secret; never printed. A value.
struct AzureToken: Sendable {
  /// Renewed this long before they end, at the latest.
  private static let margin: Duration = .seconds(300)
  private static let maximumLifetime: Int64 = 86400

  let text: String
  let lifetime: Duration
  /// When there should be a new one: when Azure says so, after half of a long life, or five minutes before the end.
  let renewal: Duration

  init(_ answer: JSONValue, at now: Date) throws(AzureError) {
    // Numbers, or numbers in strings where a machine's own service answers.
    func number(_ name: String) -> Int64? { answer[name].flatMap { $0.integer ?? $0.string.flatMap { Int64($0) } } }
    let current = Int64(now.timeIntervalSince1970)
    let life =
      number("expires_in") ?? number("expires_on").map { $0.subtractingReportingOverflow(current).partialValue } ?? 0
    try self.init(answer["access_token"]?.string, life: life, refresh: number("refresh_in"))
  }

  init(_ text: String?, life: Int64, refresh: Int64? = nil) throws(AzureError) {
    guard let text, !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw AzureError(.unavailable, "Azure answers without an access token")
    }
    self.text = text
    let seconds = min(max(life, 0), Self.maximumLifetime)
    lifetime = .seconds(seconds)
    let latest = lifetime - Self.margin
    switch refresh {
    case let refresh? where refresh > 0: renewal = min(.seconds(min(refresh, seconds)), latest)
    case _ where seconds > 7200: renewal = lifetime / 2
    default: renewal = latest
    }
  }
}
