/// One request for an X509-SVID of a workload.
package struct X509SVIDRequest: Sendable {
  package let entryID: String
  package let csr: [UInt8]

  package init(entryID: String, csr: [UInt8]) {
    self.entryID = entryID
    self.csr = csr
  }
}

/// What became of one request: a chain (DER, leaf first) or the server's refusal.
package enum X509SVIDResult: Sendable {
  case issued(chain: [[UInt8]])
  case refused(AgentError)
}
