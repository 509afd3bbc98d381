/// Why a call fails, as a word for programs: `WORKLOAD_NOT_FOUND` of the domain `spiffe.io`. A value.
package struct FailureReason: Hashable, Sendable {
  package let reason: String
  package let domain: String

  package init(_ reason: String, domain: String) {
    self.reason = reason
    self.domain = domain
  }
}
