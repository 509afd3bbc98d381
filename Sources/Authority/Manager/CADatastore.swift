package import DatastoreAPI

/// What the CA manager keeps in the datastore: bundles, taints, its journal.
package typealias CADatastore = BundleStore & AuthorityRevocationStore & CAJournalStore
