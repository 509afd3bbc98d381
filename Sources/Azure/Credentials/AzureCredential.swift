/// Who the server is to Azure. Holds a secret; never printed.
package enum AzureCredential: Hashable, Sendable {
  /// An application of a tenant, with a secret.
  case secret(tenant: String, application: String, secret: String)
  /// An application of a tenant that has the key of a certificate.
  case certificate(tenant: String, application: String, file: AzureCertificateFile)
  /// A user of a tenant, who trusts an application with a password.
  case password(tenant: String, application: String, user: String, password: String)
  /// An application of a tenant that trusts the issuer of the token in a file, which is read for each use.
  case tokenFile(tenant: String, application: String, path: String)
  /// The identity of what the server runs on.
  case managed(AzureManagedIdentity)
  /// Whoever logged in with `az login`.
  case commandLine(tenant: String)
  /// The first of several that is there.
  indirect case chain(AzureCredentialChain)

  /// What the environment gives, in the order of Azure's own libraries.
  ///
  /// - Parameter tenant: that a workload's token is exchanged in, and that the command line is asked for.
  package static func ofEnvironment(_ places: AzurePlaces, tenant: String) throws(AzureError) -> AzureCredential {
    .chain(try AzureCredentialChain(places, tenant: tenant))
  }
}

/// Where an application's certificate and its key are, which are read for each use. A value.
package struct AzureCertificateFile: Hashable, Sendable {
  package var path: String
  /// Of a PKCS #12 file.
  package var password: String
  /// Whether Azure is sent the certificates themselves, for applications that are known by a name in them.
  package var sendsChain: Bool

  package init(path: String, password: String = "", sendsChain: Bool = false) {
    self.path = path
    self.password = password
    self.sendsChain = sendsChain
  }
}
