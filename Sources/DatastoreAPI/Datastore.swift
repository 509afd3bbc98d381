/// Everything the server keeps: the composition of the small stores. Components ask for the ones they need.
///
/// Each method is one transaction, those that prune are several: when it returns, its writes are on disk. Implementations never block the
/// cooperative pool, and may be called from anywhere at once.
package protocol Datastore: EntryStore, AgentStore, NodeSelectorStore, BundleStore, AuthorityRevocationStore,
  FederationStore, JoinTokenStore, CAJournalStore, EventStore
{
  /// What this process committed, as it commits it.
  var changes: ChangeFeed { get }
}
