import DatastoreAPI
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The filters of ListEntries and CountEntries, whose messages have the same fields.
protocol EntryFilterMessage {
  var hasBySpiffeID: Bool { get }
  var bySpiffeID: Spire_Api_Types_SPIFFEID { get }
  var hasByParentID: Bool { get }
  var byParentID: Spire_Api_Types_SPIFFEID { get }
  var hasBySelectors: Bool { get }
  var bySelectors: Spire_Api_Types_SelectorMatch { get }
  var hasByFederatesWith: Bool { get }
  var byFederatesWith: Spire_Api_Types_FederatesWithMatch { get }
  var hasByHint: Bool { get }
  var byHint: Google_Protobuf_StringValue { get }
  var hasByDownstream: Bool { get }
  var byDownstream: Google_Protobuf_BoolValue { get }
}

extension Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter: EntryFilterMessage {}
extension Spire_Api_Server_Entry_V1_CountEntriesRequest.Filter: EntryFilterMessage {}

extension APICall {
  /// Reads a filter of entries and notes it in the audit record.
  func entryFilter(_ message: some EntryFilterMessage, trustDomain: TrustDomain) throws -> EntryFilter {
    var filter = EntryFilter.all
    if message.hasByHint {
      filter.hint = message.byHint.value
      audit(["hint": message.byHint.value])
    }
    if message.hasByParentID {
      filter.parentID = try read("malformed parent ID filter") {
        try APIIdentity.member(message.byParentID, of: trustDomain)
      }
      audit(["parent_id": filter.parentID?.description ?? ""])
    }
    if message.hasBySpiffeID {
      filter.spiffeID = try read("malformed SPIFFE ID filter") {
        try APIIdentity.workload(message.bySpiffeID, of: trustDomain)
      }
      audit(["spiffe_id": filter.spiffeID?.description ?? ""])
    }
    if message.hasBySelectors {
      let selectors = try read("malformed selectors filter") { try SelectorFilter(message.bySelectors) }
      filter.selectors = selectors
      audit(["by_selector_match": selectors.match.auditName, "by_selectors": AuditValue.selectors(selectors.selectors)])
    }
    if message.hasByFederatesWith {
      let domains = try read("malformed federates with filter") { try FederatesWithFilter(message.byFederatesWith) }
      filter.federatesWith = domains
      audit([
        "federates_with_match": domains.match.auditName,
        "federates_with": domains.trustDomains.map(\.name).joined(separator: ","),
      ])
    }
    if message.hasByDownstream {
      filter.downstream = message.byDownstream.value
      audit(["downstream": .value(message.byDownstream.value)])
    }
    return filter
  }

  private func read<T>(_ words: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw failure(.invalidArgument, words, error) }
  }
}
