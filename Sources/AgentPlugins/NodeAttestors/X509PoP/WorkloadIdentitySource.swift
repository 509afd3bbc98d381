/// Where the node attestor `x509pop` gets an X509-SVID from another Workload API. The composition root gives it: plugins
/// do not speak gRPC.
package protocol WorkloadIdentitySource: Sendable {
  /// The first X509-SVID that the Workload API at `address` gives this process.
  ///
  /// - Parameter address: `unix:///run/spire/agent.sock` or `tcp://127.0.0.1:8000`.
  func identity(at address: String) async throws -> WorkloadAPIIdentity
  /// Says what is wrong with an address.
  func check(_ address: String) throws
}

/// An X509-SVID and its key. Never printed.
package struct WorkloadAPIIdentity: Sendable {
  /// DER, the leaf first.
  package let chain: [[UInt8]]
  /// PKCS #8, DER.
  package let key: [UInt8]

  package init(chain: [[UInt8]], key: [UInt8]) {
    self.chain = chain
    self.key = key
  }
}
