import Daemon
import DatastoreAPI
import SPIFFE

/// The datastore's own rules for entries (server-behaviour §6.1); those of the API come before.
enum EntryValidation {
  static func checkNew(_ entry: RegistrationEntry) throws(DatastoreError) {
    guard !entry.selectors.isEmpty else { throw .validation("invalid registration entry: missing selector list") }
    if entry.storeSVID {
      try checkSameType(entry.selectors)
      guard entry.additionalAttributes?.disableX509SVIDPrefetch != true else {
        throw .validation("invalid registration entry: specifying cache behaviour is incompatible with storable SVIDs")
      }
    }
    guard entry.id.utf8.count <= 255 else { throw .validation("invalid registration entry: entry ID too long") }
    guard entry.id.utf8.allSatisfy(isValidIDByte) else {
      throw .validation("invalid registration entry: entry ID contains invalid characters")
    }
    try checkTTLs(entry, .all)
  }

  static func check(_ update: EntryUpdate) throws(DatastoreError) {
    guard !update.mask.contains(.selectors) || !update.entry.selectors.isEmpty else {
      throw .validation("invalid registration entry: missing selector list")
    }
    try checkTTLs(update.entry, update.mask)
  }

  /// A stored SVID is made for one kind of selectors.
  static func checkSameType(_ selectors: [Selector]) throws(DatastoreError) {
    guard selectors.allSatisfy({ $0.type == selectors[0].type }) else {
      throw .validation(
        "invalid registration entry: selector types must be the same when store SVID is enabled")
    }
  }

  /// What an entry has once at most. The tables see to it as well; their engines name an index then, and no selector.
  static func checkRepetition(
    _ entry: RegistrationEntry, _ mask: RegistrationEntryMask
  ) throws(DatastoreError) {
    if mask.contains(.selectors), let selector = entry.selectors.firstRepetition {
      throw repeated("selector \(GoText.quote(selector.description))")
    }
    if mask.contains(.dnsNames), let name = entry.dnsNames.firstRepetition {
      throw repeated("DNS name \(GoText.quote(name))")
    }
  }

  /// SPIRE: the code is that of a taken key.
  private static func repeated(_ what: String) -> DatastoreError {
    .sql(.alreadyExists, "\(what) is given twice; leave one out")
  }

  private static func checkTTLs(
    _ entry: RegistrationEntry, _ mask: RegistrationEntryMask
  ) throws(DatastoreError) {
    // SPIRE: the texts say "not set" where they mean negative.
    if mask.contains(.x509SVIDTTL), entry.x509SVIDTTL < 0 {
      throw .validation("invalid registration entry: X509SvidTtl is not set")
    }
    if mask.contains(.jwtSVIDTTL), entry.jwtSVIDTTL < 0 {
      throw .validation("invalid registration entry: JwtSvidTtl is not set")
    }
  }

  private static func isValidIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

extension Array where Element: Hashable {
  /// The first element that stood before.
  fileprivate var firstRepetition: Element? {
    guard count > 1 else { return nil }
    var seen: Set<Element> = []
    return first { !seen.insert($0).inserted }
  }
}
