import RPC
import SPIFFE
import Synchronization

/// Everything a set of processes is served with at one moment. Immutable and shared by all streams with the same
/// identities.
///
/// The messages made of it are encoded once, on first use, whatever the number of streams.
package final class WorkloadUpdate: Sendable {
  /// Ordered by entry id; the first is the default.
  package let identities: [WorkloadIdentity]
  package let bundle: PreparedBundle
  /// The federated bundles of the identities' entries, ordered by trust domain.
  package let federatedBundles: [PreparedBundle]

  /// The kinds of messages that are made of an update.
  package enum Form: Hashable, Sendable {
    case x509SVIDs
    case x509Bundles(withFederated: Bool)
    case jwtBundles(withFederated: Bool)
    case witBundles(withFederated: Bool)
  }
  private let messages = Mutex<[Form: StreamMessage]>([:])

  package init(identities: [WorkloadIdentity], bundle: PreparedBundle, federatedBundles: [PreparedBundle]) {
    self.identities = identities
    self.bundle = bundle
    self.federatedBundles = federatedBundles
  }

  /// A message, whose bytes `make` gives once.
  func message(_ form: Form, _ make: (WorkloadUpdate) throws -> [UInt8]) rethrows -> StreamMessage {
    if let made = messages.withLock({ $0[form] }) { return made }
    let made = StreamMessage(try make(self))
    return messages.withLock { messages in
      if let other = messages[form] { return other }
      messages[form] = made
      return made
    }
  }

  /// Whether a workload would see no difference between the two.
  package func isEqual(to other: WorkloadUpdate) -> Bool {
    bundle === other.bundle
      && federatedBundles.elementsEqual(other.federatedBundles, by: ===)
      && identities.elementsEqual(other.identities) {
        $0.svid === $1.svid && $0.entry.id == $1.entry.id && $0.entry.hint == $1.entry.hint
          && $0.entry.createdAt == $1.entry.createdAt
      }
  }
}
