package import NIOSSL

/// Settings that hold for every handshake of an endpoint or a client.
package struct TLSPolicy: Hashable, Sendable {
  /// Allows TLS 1.3 with the post-quantum key exchange X25519MLKEM768 only (`require_pq_kem`).
  package var requirePostQuantumKeyExchange: Bool

  package init(requirePostQuantumKeyExchange: Bool = false) {
    self.requirePostQuantumKeyExchange = requirePostQuantumKeyExchange
  }

  /// Sets the versions and key exchanges of a connection. Without the requirement it is TLS 1.2 or later, and NIOSSL's
  /// own list, in which X25519MLKEM768 comes first (`PostQuantumTests` looks).
  package func apply(to configuration: inout TLSConfiguration) {
    configuration.minimumTLSVersion = requirePostQuantumKeyExchange ? .tlsv13 : .tlsv12
    // SPIRE: also allows SecP256r1MLKEM768 and SecP384r1MLKEM1024, which BoringSSL does not have.
    if requirePostQuantumKeyExchange { configuration.curves = [.x25519_MLKEM768] }
  }
}
