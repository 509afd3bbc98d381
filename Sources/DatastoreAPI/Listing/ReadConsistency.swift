/// Whether a read has to see the latest commit, or may be answered by a replica that lags behind.
package enum ReadConsistency: Sendable {
  case current
  case tolerateStale
}
