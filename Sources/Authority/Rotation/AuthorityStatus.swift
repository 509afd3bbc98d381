/// Where an authority is in its life (server-behaviour §1.5).
package enum AuthorityStatus: String, Hashable, Sendable {
  case prepared = "PREPARED"
  case active = "ACTIVE"
  case old = "OLD"
}
