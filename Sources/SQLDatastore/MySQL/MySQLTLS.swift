import DatastoreAPI
import Glibc

/// The files for TLS to a MySQL server (`root_ca_path`, `client_cert_path`, `client_key_path`).
struct MySQLTLS: Equatable, Sendable {
  /// The authorities that the server's certificate must come from; nil for those of the system.
  var rootCAPath: String?
  var clientCertificatePath: String?
  var clientKeyPath: String?

  init(rootCAPath: String? = nil, clientCertificatePath: String? = nil, clientKeyPath: String? = nil) {
    func given(_ path: String?) -> String? { path.flatMap { $0.isEmpty ? nil : $0 } }
    self.rootCAPath = given(rootCAPath)
    self.clientCertificatePath = given(clientCertificatePath)
    self.clientKeyPath = given(clientKeyPath)
  }

  /// Checks that the files belong together and can be read.
  func validate() throws(DatastoreError) {
    guard (clientCertificatePath == nil) == (clientKeyPath == nil) else {
      throw .sql(.invalidArgument, "client_cert_path and client_key_path must be set together")
    }
    for (name, path) in [
      ("root_ca_path", rootCAPath), ("client_cert_path", clientCertificatePath), ("client_key_path", clientKeyPath),
    ] {
      guard let path, access(path, R_OK) != 0 else { continue }
      throw .sql(.invalidArgument, "cannot read \(name) \"\(path)\": \(String(cString: strerror(errno)))")
    }
  }

  /// SPIRE: with one of the files set, TLS is used and the server verified, whatever the connection string says.
  var isSet: Bool { rootCAPath != nil || clientCertificatePath != nil }

  /// Where systems keep their authorities.
  static var systemAuthorities: String? {
    [
      "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
      "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ].first { access($0, R_OK) == 0 }
  }
}
