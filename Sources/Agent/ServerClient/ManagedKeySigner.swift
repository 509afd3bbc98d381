import Keys
package import RPC

/// Signs TLS handshakes with the agent's key, which stays in its key manager.
package struct ManagedKeySigner: TLSSigner {
  private let key: any ManagedKey

  init(_ key: any ManagedKey) { self.key = key }

  package var algorithms: [TLSSignatureAlgorithm] {
    switch key.type {
    case .ecP256: [.ecdsaP256SHA256]
    case .ecP384: [.ecdsaP384SHA384]
    case .rsa2048, .rsa4096: [.rsaPKCS1SHA256]
    }
  }

  package func sign(_ message: [UInt8], algorithm: TLSSignatureAlgorithm) async throws -> [UInt8] {
    switch algorithm {
    case .ecdsaP256SHA256: try await key.sign(message, algorithm: .ecdsaSHA256)
    case .ecdsaP384SHA384: try await key.sign(message, algorithm: .ecdsaSHA384)
    case .rsaPKCS1SHA256: try await key.sign(message, algorithm: .rsaPKCS1SHA256)
    case .rsaPSSSHA256:
      throw AgentError(.internalError, "the agent's key cannot make the signature that the server asks for")
    }
  }
}
