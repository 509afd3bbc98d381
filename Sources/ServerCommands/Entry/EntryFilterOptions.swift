import Console
import Daemon
import Flags
import SPIREProtos
import SwiftProtobuf

/// The flags by which `entry show` and `entry count` choose entries.
struct EntryFilterOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var entryID = ""
  var parentID = ""
  var spiffeID = ""
  var downstream = false
  var selectors: [String] = []
  var federatesWith: [String] = []
  var matchSelectorsOn = "superset"
  var matchFederatesWithOn = "superset"
  var hint = ""

  /// The flags of both commands.
  static let flags: [Flag<EntryFilterOptions>] = [
    .string("parentID", \.parentID, "Parent ID of the entries").takes(.spiffeID),
    .string("spiffeID", \.spiffeID, "SPIFFE ID of the entries").takes(.spiffeID),
    .bool("downstream", \.downstream, "Only entries of downstream servers"),
    .strings("selector", \.selectors, "Selector type:value of the entries; can be given more than once").takes(
      .selector),
    .strings(
      "federatesWith", \.federatesWith, "Trust domain that the entries federate with; can be given more than once"
    ).takes(.trustDomain),
    .string(
      "matchSelectorsOn", \.matchSelectorsOn,
      "How an entry's selectors compare with those given: exact, any, superset or subset"
    ).takes(.matchBehavior),
    .string(
      "matchFederatesWithOn", \.matchFederatesWithOn,
      "How an entry's trust domains compare with those given: exact, any, superset or subset"
    ).takes(.matchBehavior),
    .string("hint", \.hint, "Hint of the entries"),
  ]

  /// Whether any flag narrows the entries.
  var isFiltering: Bool {
    downstream || !parentID.isEmpty || !spiffeID.isEmpty || !selectors.isEmpty || !federatesWith.isEmpty
      || !hint.isEmpty
  }

  /// The filter for a list; a count has the same one.
  func filter() throws -> Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter {
    var filter = Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter()
    if !parentID.isEmpty { filter.byParentID = try .init(parentID, flag: "parentID") }
    if !spiffeID.isEmpty { filter.bySpiffeID = try .init(spiffeID, flag: "spiffeID") }
    if !selectors.isEmpty { filter.bySelectors = try selectorMatch() }
    if !federatesWith.isEmpty {
      guard let match = Spire_Api_Types_FederatesWithMatch.MatchBehavior(name: matchFederatesWithOn) else {
        throw CommandFailure("match behavior \(GoText.quote(matchFederatesWithOn)) unknown")
      }
      filter.byFederatesWith.trustDomains = federatesWith
      filter.byFederatesWith.match = match
    }
    if !hint.isEmpty { filter.byHint = Google_Protobuf_StringValue(hint) }
    filter.byDownstream = Google_Protobuf_BoolValue(downstream)
    return filter
  }

  private func selectorMatch() throws -> Spire_Api_Types_SelectorMatch {
    guard let match = Spire_Api_Types_SelectorMatch.MatchBehavior(name: matchSelectorsOn) else {
      throw CommandFailure("match behavior \(GoText.quote(matchSelectorsOn)) unknown")
    }
    return try .with {
      $0.match = match
      $0.selectors = try Spire_Api_Types_Selector.parse(selectors)
    }
  }
}
