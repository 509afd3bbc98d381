/// What happens to the entries that federate with a bundle when it is deleted.
package enum BundleDeletionMode: Sendable {
  /// The bundle stays when there are any.
  case restrict
  /// They are deleted.
  case delete
  /// They stay and no longer federate with it.
  case dissociate
}
