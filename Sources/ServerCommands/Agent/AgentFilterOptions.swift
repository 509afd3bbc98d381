import Console
import Daemon
import Flags
import SPIREProtos
import SwiftProtobuf

/// The flags by which `agent list` and `agent count` choose agents.
struct AgentFilterOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var selectors: [String] = []
  var attestationType = ""
  var canReattest = ""
  var banned = ""
  var expiresBefore = ""
  var matchSelectorsOn = "superset"

  /// The flags of both commands.
  static let flags: [Flag<AgentFilterOptions>] = [
    .strings("selector", \.selectors, "Selector type:value of the agents; can be given more than once").takes(
      .selector),
    .string("attestationType", \.attestationType, "How the agents attested, such as join_token"),
    .string("canReattest", \.canReattest, "true or false: agents that can, or can not, attest again").takes(.yesOrNo),
    .string("banned", \.banned, "true or false: agents that are, or are not, banned").takes(.yesOrNo),
    .string(
      "expiresBefore", \.expiresBefore,
      "Time before which the agents' SVIDs expire, as in \"2026-11-21 20:10:45 +0000 +00\""),
    .string(
      "matchSelectorsOn", \.matchSelectorsOn,
      "How an agent's selectors compare with those given: exact, any, superset or subset"
    ).takes(.matchBehavior),
  ]

  /// The filter for a list; a count has the same one.
  func filter() throws -> Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter {
    var filter = Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter()
    if !selectors.isEmpty {
      guard let match = Spire_Api_Types_SelectorMatch.MatchBehavior(name: matchSelectorsOn) else {
        throw CommandFailure("unsupported match behavior")
      }
      filter.bySelectorMatch.selectors = try Spire_Api_Types_Selector.parse(selectors)
      filter.bySelectorMatch.match = match
    }
    if !expiresBefore.isEmpty {
      guard ExpiryTime.isValid(expiresBefore) else {
        throw CommandFailure(
          "date is not valid: parsing time \(GoText.quote(expiresBefore)) as \"\(ExpiryTime.layout)\": "
            + "write it as 2026-11-21 20:10:45 +0000 +00")
      }
      filter.byExpiresBefore = expiresBefore
    }
    filter.byAttestationType = attestationType
    // SPIRE: any other value means no filter.
    if let flag = Bool(canReattest) { filter.byCanReattest = Google_Protobuf_BoolValue(flag) }
    if let flag = Bool(banned) { filter.byBanned = Google_Protobuf_BoolValue(flag) }
    return filter
  }
}
