import Daemon
import DatastoreAPI
import Logging

extension CAManager {
  /// How long an expired authority stays in the bundle.
  private static let bundleGrace: Int64 = 24 * 3600
  /// How long the journal of a server that is gone stays.
  private static let journalGrace: Int64 = 14 * 24 * 3600

  /// Drops authorities from the bundle that expired a day ago.
  func pruneBundle() async {
    let call = metrics.startCall(["ca", "manager", "bundle", "prune"])
    do throws(DatastoreError) {
      let changed = try await datastore.pruneBundle(
        of: trustDomain, expiredBy: TemplateBuilder.seconds(time.now) - Self.bundleGrace)
      call.done()
      guard changed else { return }
      metrics.incrementCounter(["ca", "manager", "bundle", "pruned"])
      log.debug("Expired certificates were successfully pruned from bundle")
    } catch {
      call.done(status: error.statusName)
      log.error("Could not prune CA certificates", metadata: ["error": "\(error)"])
    }
  }

  /// Deletes journals all of whose authorities expired two weeks ago.
  func pruneJournals() async {
    // SPIRE: counted under the bundle's name.
    let call = metrics.startCall(["ca", "manager", "bundle", "prune"])
    do throws(DatastoreError) {
      let count = try await datastore.pruneCAJournals(
        allExpiredBefore: TemplateBuilder.seconds(time.now) - Self.journalGrace)
      call.done()
      if count > 0 { log.debug("Expired CA journals were pruned", metadata: ["count": "\(count)"]) }
    } catch {
      call.done(status: error.statusName)
      log.error("Could not prune CA journals", metadata: ["error": "\(error)"])
    }
  }
}
