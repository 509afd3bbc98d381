import Authority
import Daemon
import SPIFFE
import ServerPlugins

/// Lets the certificate authority call a CredentialComposer plugin: converts attributes both ways, checks what comes
/// back, and names the plugin in its errors. A value.
struct ComposerAdapter: CredentialComposer {
  let name: String
  let plugin: any CredentialComposerPlugin

  func composeServerX509CA(_ attributes: X509CAAttributes) async throws -> X509CAAttributes {
    let given = ComposedCA(
      subject: ComposedName(attributes.subject), policyIdentifiers: attributes.policyIdentifiers.map(\.description),
      extraExtensions: attributes.extraExtensions.map(ComposedExtension.init))
    guard let made = try await call({ try await plugin.composeServerX509CA(given) }) else { return attributes }
    let what = "CA"
    return X509CAAttributes(
      subject: try name(made.subject, what, from: attributes.subject),
      policyIdentifiers: try made.policyIdentifiers.map { try oid($0, what, "policy_identifiers") },
      extraExtensions: try extensions(made.extraExtensions, what))
  }

  func composeServerX509SVID(_ attributes: X509SVIDAttributes) async throws -> X509SVIDAttributes {
    try await svid(attributes, "server SVID") { try await plugin.composeServerX509SVID($0) }
  }

  func composeAgentX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes {
    try await svid(attributes, "agent SVID") {
      try await plugin.composeAgentX509SVID($0, id: id, publicKey: publicKey)
    }
  }

  func composeWorkloadX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes {
    try await svid(attributes, "workload SVID") {
      try await plugin.composeWorkloadX509SVID($0, id: id, publicKey: publicKey)
    }
  }

  func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject {
    try await call { try await plugin.composeWorkloadJWTSVID(claims, id: id) } ?? claims
  }

  private func svid(
    _ attributes: X509SVIDAttributes, _ what: String, _ compose: (ComposedSVID) async throws -> ComposedSVID?
  ) async throws -> X509SVIDAttributes {
    let given = ComposedSVID(
      subject: ComposedName(attributes.subject), dnsNames: attributes.dnsNames,
      extraExtensions: attributes.extraExtensions.map(ComposedExtension.init))
    guard let made = try await call({ try await compose(given) }) else { return attributes }
    return X509SVIDAttributes(
      subject: try name(made.subject, what, from: attributes.subject), dnsNames: made.dnsNames,
      extraExtensions: try extensions(made.extraExtensions, what))
  }

  // MARK: What comes back

  private func call<T>(_ body: () async throws -> T?) async throws -> T? {
    do {
      return try await body()
    } catch let error as ServerPluginError where error.code == .unimplemented {
      return nil
    } catch {
      throw PluginFailure.error(error, type: "CredentialComposer", name: name)
    }
  }

  private func invalid(_ what: String, _ why: String) -> AuthorityError {
    AuthorityError(
      .internal,
      ServerPluginError.text(
        "plugin returned invalid \(what) attributes: \(why)", type: "CredentialComposer", name: name))
  }

  private func name(
    _ subject: ComposedName, _ what: String, from original: DistinguishedName
  ) throws -> DistinguishedName {
    guard subject != ComposedName() else { throw invalid(what, "subject: cannot be empty") }
    // An unchanged subject stays what it was, with what a composer does not see.
    if subject == ComposedName(original) { return original }
    var name = DistinguishedName(
      country: subject.country, organization: subject.organization, organizationalUnit: subject.organizationalUnit,
      locality: subject.locality, province: subject.province, streetAddress: subject.streetAddress,
      postalCode: subject.postalCode, commonName: subject.commonName, serialNumber: subject.serialNumber)
    name.extraNames = try subject.extraNames.map {
      DistinguishedName.Attribute(type: try oid($0.oid, what, "subject: extra_names"), value: $0.value)
    }
    return name
  }

  private func extensions(_ list: [ComposedExtension], _ what: String) throws -> [X509Extension] {
    try list.map {
      X509Extension(type: try oid($0.oid, what, "extra_extensions"), isCritical: $0.isCritical, value: $0.value)
    }
  }

  private func oid(_ text: String, _ what: String, _ field: String) throws -> OID {
    guard let oid = OID(text) else { throw invalid(what, "\(field): \(GoText.quote(text)) is no object identifier") }
    return oid
  }
}

extension ComposedName {
  init(_ name: DistinguishedName) {
    self.init()
    country = name.country
    organization = name.organization
    organizationalUnit = name.organizationalUnit
    locality = name.locality
    province = name.province
    streetAddress = name.streetAddress
    postalCode = name.postalCode
    commonName = name.commonName
    serialNumber = name.serialNumber
    extraNames = name.extraNames.map { Attribute(oid: $0.type.description, value: $0.value) }
  }
}

extension ComposedExtension {
  init(_ item: X509Extension) {
    self.init(oid: item.type.description, isCritical: item.isCritical, value: item.value)
  }
}
