/// What an attestation says to the server.
package struct AttestationRequest: Sendable {
  package let type: String
  package let payload: [UInt8]
  package let csr: [UInt8]
  /// The X.509 authorities that the server's certificate must lead to; nil for insecure bootstrap.
  package let authorities: [[UInt8]]?
  /// Answers a challenge of the server.
  package let respond: @Sendable ([UInt8]) async throws -> [UInt8]

  package init(
    type: String, payload: [UInt8], csr: [UInt8], authorities: [[UInt8]]?,
    respond: @escaping @Sendable ([UInt8]) async throws -> [UInt8]
  ) {
    self.type = type
    self.payload = payload
    self.csr = csr
    self.authorities = authorities
    self.respond = respond
  }
}
