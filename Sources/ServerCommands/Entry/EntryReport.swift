import Console
import Daemon
import Flags
import SPIREProtos

/// An entry as the entry commands show it: one line per field, labels 24 columns wide, and an empty line.
enum EntryReport {
  static func text(_ entry: Spire_Api_Types_Entry) -> String {
    var lines: [(String, String)] = [
      ("Entry ID", entry.id.isEmpty ? "(none)" : entry.id),
      ("SPIFFE ID", entry.spiffeID.text),
      ("Parent ID", entry.parentID.text),
      ("Revision", String(entry.revisionNumber)),
    ]
    if entry.downstream { lines.append(("Downstream", "true")) }
    lines.append(("X509-SVID TTL", entry.x509SvidTtl == 0 ? "default" : String(entry.x509SvidTtl)))
    lines.append(("JWT-SVID TTL", entry.jwtSvidTtl == 0 ? "default" : String(entry.jwtSvidTtl)))
    if entry.expiresAt != 0 { lines.append(("Expiration time", Times.utc(entry.expiresAt))) }
    lines += entry.selectors.map { ("Selector", "\($0.type):\($0.value)") }
    lines += entry.federatesWith.map { ("FederatesWith", $0) }
    lines += entry.dnsNames.map { ("DNS name", $0) }
    if entry.admin { lines.append(("Admin", "true")) }
    if entry.storeSvid { lines.append(("StoreSvid", "true")) }
    if !entry.hint.isEmpty { lines.append(("Hint", entry.hint)) }
    if entry.additionalAttributes.disableX509SvidPrefetch { lines.append(("DisableX509SvidPrefetch", "true")) }
    if entry.additionalAttributes.jwtSvidIncludeJti { lines.append(("JwtSvidIncludeJti", "true")) }
    return lines.map { label, value in
      label + String(repeating: " ", count: 24 - label.utf8.count) + ": " + value + "\n"
    }.joined() + "\n"
  }

  /// Entries in the order in which they are listed: by SPIFFE ID, parent, and lifetime; their selectors sorted too.
  static func sorted(_ entries: [Spire_Api_Types_Entry]) -> [Spire_Api_Types_Entry] {
    entries.map { entry in
      var entry = entry
      entry.selectors.sort { ($0.type, $0.value) < ($1.type, $1.value) }
      return entry
    }.sorted { a, b in
      func key(_ entry: Spire_Api_Types_Entry) -> [String] {
        [entry.spiffeID.trustDomain, entry.spiffeID.path, entry.parentID.trustDomain, entry.parentID.path]
      }
      for (x, y) in zip(key(a), key(b)) where x != y { return x.utf8.lexicographicallyPrecedes(y.utf8) }
      if a.x509SvidTtl != b.x509SvidTtl { return a.x509SvidTtl < b.x509SvidTtl }
      if a.jwtSvidTtl != b.jwtSvidTtl { return a.jwtSvidTtl < b.jwtSvidTtl }
      return a.id < b.id
    }
  }

  /// Prints what came of a batch: the entries that were stored, then those that were not, with the reason.
  ///
  /// - Parameter verb: `create` or `update`.
  static func print(_ results: [any EntryResult], verb: String, io: CommandIO) throws(CommandFailure) {
    for result in results where result.status.code == 0 { io.out(text(result.entry)) }
    let failed = results.filter { $0.status.code != 0 }
    for result in failed {
      io.printError(
        "Failed to \(verb) the following entry (code: \(statusName(result.status.code)), "
          + "msg: \(GoText.quote(result.status.message))):")
      io.err(text(result.entry))
    }
    if !failed.isEmpty { throw CommandFailure("failed to \(verb) one or more entries") }
  }
}

/// One item of a batch answer, of creation or update.
protocol EntryResult {
  var status: Spire_Api_Types_Status { get }
  var entry: Spire_Api_Types_Entry { get set }
}

extension Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result: EntryResult {}
extension Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result: EntryResult {}

extension EntryResult {
  /// Successes first. The server's answer leaves out an entry that it refused: it is the one that was sent.
  static func completed(_ results: [Self], sent: [Spire_Api_Types_Entry]) -> [Self] {
    let completed = zip(results, sent).map { result, entry in
      var result = result
      if result.status.code != 0 { result.entry = entry }
      return result
    }
    return completed.filter { $0.status.code == 0 } + completed.filter { $0.status.code != 0 }
  }
}
