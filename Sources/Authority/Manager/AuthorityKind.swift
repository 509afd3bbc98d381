/// The kinds of authority that are rotated alike, under the names that texts use.
package enum AuthorityKind: String, Hashable, Sendable {
  case x509 = "X.509"
  case jwt = "JWT"
}
