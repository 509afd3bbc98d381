/// What gets the updates of a subscription to ``WorkloadCacheStore``. Called with the store's lock held: it takes note,
/// and neither waits nor calls back.
package protocol UpdateReceiver: Sendable {
  /// A newer update replaces one that was not read.
  func receive(_ update: WorkloadUpdate)
  /// The cache closes; what was received before is still to be read.
  func finish()
}
