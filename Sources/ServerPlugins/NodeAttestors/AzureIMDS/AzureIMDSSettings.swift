import Azure
import Daemon
import HCL
import Keys
import Plugins
import SPIFFE
import X509

/// The configuration of the node attestor `azure_imds` (server-plugins §4.9). A value; holds secrets, never printed.
struct AzureIMDSSettings: Sendable {
  /// Of the public cloud.
  static let standardDomain = "metadata.azure.com"

  /// Whom Azure is asked as for the machines of a tenant.
  enum Access: Sendable {
    case secret(application: String, secret: String)
    case tokenFile(application: String, path: String)
    /// What the environment of the server gives.
    case environment
  }

  struct Tenant: Sendable {
    let access: Access
    /// Of which tags selectors are made.
    let tags: Set<String>
    /// Whose machines count; empty for those of any subscription.
    let subscriptions: Set<String>
  }

  /// By domain.
  let tenants: [String: Tenant]
  let template: AgentPathTemplate
  /// Domains of Azure's metadata services: one of them, or a name below it, is in the signer's certificate. Lower case.
  let metadataDomains: [String]
  /// What the signer's certificate must lead to.
  let roots: X509ChainVerifier

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    var tenants: [String: Tenant] = [:]
    for (labels, section) in reading.root.labelled("tenants", levels: 1) {
      let domain = labels.first?.text ?? ""
      if !AzureName.isDomain(domain) {
        reading.report("unable to lookup tenant ID: \(GoText.quote(domain)) is no domain")
      }
      tenants[domain] = Self.tenant(domain, section, &reading)
    }
    if tenants.isEmpty { reading.report("configuration must have at least one tenant") }
    let template = reading.azureTemplate(
      fields: AzureIMDSIdentity.fieldNames,
      standard: "/{{ .PluginName }}/{{ .TenantID }}/{{ .SubscriptionID }}/{{ .VMID }}")
    let domains = reading.root.strings("allowed_metadata_domains") ?? []
    for domain in domains where !AzureName.isDomain(domain) {
      reading.report("allowed_metadata_domains: \(GoText.quote(domain)) is no domain")
    }
    let roots = Self.roots(reading.root.string("trust_bundle_path") ?? "", &reading)
    try reading.finish()
    guard let template, let roots else { throw ServerPluginError(.internal, "no settings") }
    self.tenants = tenants
    self.template = template
    metadataDomains = domains.isEmpty ? [Self.standardDomain] : domains.map { $0.lowercased() }
    self.roots = roots
  }

  private static func tenant(
    _ domain: String, _ section: HCLSection, _ reading: inout NodeAttestorSettings
  ) -> Tenant {
    var section = section
    func misconfigured(_ why: String) { reading.report("misconfigured tenant \(GoText.quote(domain)): \(why)") }
    let secret = section.section("secret_auth")
    let token = section.section("token_auth")
    // SPIRE: the key is read and means nothing.
    _ = section.string("auth_type")
    var access = Access.environment
    if secret != nil, token != nil {
      misconfigured("only one of secret_auth or token_auth may be specified in the config")
    } else if var token {
      let (path, application) = (token.string("token_path") ?? "", token.string("app_id") ?? "")
      if path.isEmpty { misconfigured("missing token file path") }
      if application.isEmpty { misconfigured("missing app id") }
      access = .tokenFile(application: application, path: path)
    } else if var secret {
      let (application, value) = (secret.string("app_id") ?? "", secret.string("app_secret") ?? "")
      if application.isEmpty { misconfigured("missing app id") }
      if value.isEmpty { misconfigured("missing app secret") }
      access = .secret(application: application, secret: value)
    }
    var subscriptions: Set<String> = []
    for text in section.strings("restrict_to_subscriptions") ?? [] {
      let end = text.lastIndex { !$0.isWhitespace } ?? text.startIndex
      let trimmed = text.isEmpty ? "" : String(text[...end].drop(while: \.isWhitespace))
      if trimmed.isEmpty { misconfigured("restrict_to_subscriptions entries must be non-empty") }
      subscriptions.insert(trimmed)
    }
    return Tenant(
      access: access, tags: Set(section.strings("allowed_vm_tags") ?? []), subscriptions: subscriptions)
  }

  /// Azure's authorities, and those of the file.
  private static func roots(_ path: String, _ reading: inout NodeAttestorSettings) -> X509ChainVerifier? {
    do {
      var roots = try AzureRoots.certificates.map { try Base64.decode($0) }
      if !path.isEmpty {
        let own = try PEMFile.certificates(path, setting: "trust_bundle_path")
        for der in own {
          let certificate = try X509Certificates.parse(der: der)
          if case .isCertificateAuthority? = try? certificate.extensions.basicConstraints { continue }
          reading.report(
            "trust bundle \(GoText.quote(path)) contains a non-CA certificate (subject "
              + "\(GoText.quote("\(certificate.subject)")))")
        }
        roots += own
      }
      return try X509ChainVerifier(roots: roots)
    } catch {
      reading.report("unable to load trust bundle \(GoText.quote(path)): \(error)")
      return nil
    }
  }
}
