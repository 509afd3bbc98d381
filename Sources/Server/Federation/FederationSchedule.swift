import DatastoreAPI
import FoundationEssentials
import SPIFFE
import X509

/// Which federated trust domains are polled, and when next (server-behaviour §9.2). ``FederatedBundleClient`` owns one
/// behind its lock. A value-type state machine: no clock, no I/O.
struct FederationSchedule {
  /// How often the relationships are read again.
  static let reloadInterval = Duration.seconds(10)
  /// No hint, and no lifetime of a root, counts as less than this.
  static let minimumHint = 60.0
  /// What is waited for where neither the endpoint nor the datastore has a bundle.
  static let unknownWait = 60.0

  private struct Item {
    var relationship: FederationRelationship
    /// Nil while a poll is under way.
    var due: Date?
    /// When that was decided. A clock that was set back behind it must not stop the polls.
    var since: Date
  }

  /// What a new set of relationships changed.
  struct Changes: Equatable {
    var added: [FederationRelationship] = []
    var updated: [FederationRelationship] = []
    var removed: [TrustDomain] = []
  }

  private var items: [TrustDomain: Item] = [:]

  /// Takes the relationships of the moment. New trust domains are due at once.
  mutating func configure(_ relationships: [FederationRelationship], now: Date) -> Changes {
    var changes = Changes()
    var kept: [TrustDomain: Item] = [:]
    for relationship in relationships {
      // What is stored is looked at when it is polled.
      var relationship = relationship
      relationship.bundle = nil
      guard var item = items[relationship.trustDomain] else {
        kept[relationship.trustDomain] = Item(relationship: relationship, due: now, since: now)
        changes.added.append(relationship)
        continue
      }
      if item.relationship != relationship {
        item.relationship = relationship
        changes.updated.append(relationship)
      }
      kept[relationship.trustDomain] = item
    }
    changes.removed = items.keys.filter { kept[$0] == nil }.sorted { $0.name < $1.name }
    items = kept
    return changes
  }

  /// The trust domains under management.
  var trustDomains: [TrustDomain] { items.keys.sorted { $0.name < $1.name } }

  /// Takes the relationships to poll now; they are not due again before ``finished(_:next:now:)``.
  mutating func takeDue(at now: Date) -> [FederationRelationship] {
    var due: [FederationRelationship] = []
    for domain in trustDomains {
      guard let item = items[domain], let date = item.due, date <= now || now < item.since else { continue }
      items[domain]?.due = nil
      due.append(item.relationship)
    }
    return due
  }

  /// A poll is over.
  mutating func finished(_ domain: TrustDomain, next: Date, now: Date) {
    items[domain]?.due = next
    items[domain]?.since = now
  }

  /// When the next poll is due.
  var nextDue: Date? { items.values.compactMap(\.due).min() }

  /// How long a bundle is good for: a quarter of its hint, or a fortieth of its shortest root.
  static func wait(after bundle: Bundle?) -> Duration {
    guard let bundle else { return .seconds(unknownWait) }
    return .seconds(max(hint(of: bundle), minimumHint) / 4)
  }

  private static func hint(of bundle: Bundle) -> Double {
    if bundle.refreshHint > 0 { return min(Double(bundle.refreshHint), 1e9) }
    let lifetimes = bundle.x509Authorities.compactMap { authority -> Double? in
      guard let certificate = try? X509Certificates.parse(der: authority.der) else { return nil }
      return certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
    }
    // Upstream would come back in years where there is no root; the standard's default is five minutes (§5.2).
    guard let shortest = lifetimes.min() else { return 300 }
    return shortest / 10
  }
}
