import DatastoreAPI
import FoundationEssentials
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The filters of ListAgents and CountAgents, whose messages have the same fields.
protocol AgentFilterMessage {
  var byAttestationType: String { get }
  var hasBySelectorMatch: Bool { get }
  var bySelectorMatch: Spire_Api_Types_SelectorMatch { get }
  var hasByBanned: Bool { get }
  var byBanned: Google_Protobuf_BoolValue { get }
  var hasByCanReattest: Bool { get }
  var byCanReattest: Google_Protobuf_BoolValue { get }
  var byExpiresBefore: String { get }
}

extension Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter: AgentFilterMessage {}
extension Spire_Api_Server_Agent_V1_CountAgentsRequest.Filter: AgentFilterMessage {}

extension APICall {
  /// Reads a filter of agents and notes it in the audit record.
  func agentFilter(_ message: some AgentFilterMessage) throws -> AgentFilter {
    var filter = AgentFilter()
    if !message.byAttestationType.isEmpty {
      filter.attestationType = message.byAttestationType
      audit(["node_attestor_type": message.byAttestationType])
    }
    if message.hasByBanned {
      filter.banned = message.byBanned.value
      audit(["by_banned": .value(message.byBanned.value)])
    }
    if message.hasByCanReattest {
      filter.canReattest = message.byCanReattest.value
      audit(["by_can_reattest": .value(message.byCanReattest.value)])
    }
    if message.hasBySelectorMatch {
      do {
        let selectors = try SelectorFilter(message.bySelectorMatch)
        filter.selectors = selectors
        audit([
          "by_selector_match": selectors.match.auditName, "by_selectors": AuditValue.selectors(selectors.selectors),
        ])
      } catch {
        throw failure(.invalidArgument, "failed to parse selectors", error)
      }
    }
    if !message.byExpiresBefore.isEmpty {
      guard let time = ExpiresBefore.parse(message.byExpiresBefore) else {
        throw failure(
          .invalidArgument, "failed to parse expires before",
          ConversionError(
            "\"\(message.byExpiresBefore)\" is not a time such as \"2006-01-02 15:04:05 -0700 -07\""))
      }
      filter.expiresBefore = time
    }
    return filter
  }
}

/// The time of the `by_expires_before` filter, `2006-01-02 15:04:05 -0700 -07`.
enum ExpiresBefore {
  /// Unix seconds.
  static func parse(_ text: String) -> Int64? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4, let day = numbers(words[0], "-", [4, 2, 2]), let time = numbers(words[1], ":", [2, 2, 2]),
      let offset = offset(words[2], digits: 4), self.offset(words[3], digits: 2) != nil
    else { return nil }
    guard (1...12).contains(day[1]), (0...23).contains(time[0]), (0...59).contains(time[1]), (0...59).contains(time[2])
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = DateComponents(
      year: day[0], month: day[1], day: day[2], hour: time[0], minute: time[1], second: time[2])
    guard let date = calendar.date(from: parts), calendar.component(.day, from: date) == day[2] else { return nil }
    return Int64(date.timeIntervalSince1970) - offset
  }

  private static func numbers(_ text: Substring, _ separator: Character, _ widths: [Int]) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.map(\.count) == widths else { return nil }
    let values = parts.compactMap { $0.allSatisfy(\.isWholeNumber) ? Int($0) : nil }
    return values.count == widths.count ? values : nil
  }

  /// The seconds of `+hhmm` or `+hh`.
  private static func offset(_ text: Substring, digits: Int) -> Int64? {
    guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
    let rest = text.dropFirst()
    guard rest.count == digits, rest.allSatisfy(\.isWholeNumber), let hours = Int64(rest.prefix(2)) else { return nil }
    let minutes = digits == 4 ? Int64(rest.suffix(2)) ?? 0 : 0
    guard hours < 24, minutes < 60 else { return nil }
    return (sign == "-" ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}
