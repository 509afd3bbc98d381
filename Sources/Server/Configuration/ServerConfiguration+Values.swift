import Daemon
import Glibc
import HCL
import Keys
import Plugins
import SPIFFE

/// The single values of the server's configuration. Each function notes what is wrong and returns a stand-in or nil.
extension ServerConfiguration {
  static func trustDomain(
    _ text: String, isFlag: Bool, _ checks: inout ConfigurationChecks
  ) -> TrustDomain? {
    guard !text.isEmpty else { return nil }
    do {
      let domain = try TrustDomain(text)
      if domain.name.utf8.count > 255 {
        checks.warn(
          "Configured trust domain name should be less than 255 characters to be SPIFFE compliant;"
            + " a longer trust domain name may impact interoperability",
          fields: ["trust_domain": domain.name])
      }
      return domain
    } catch {
      checks.fail(
        "could not parse trust_domain \(GoText.quote(text)): \(error)", key: isFlag ? nil : "server.trust_domain")
      return nil
    }
  }

  static func adminIDs(_ texts: [String], _ checks: inout ConfigurationChecks) -> [SPIFFEID] {
    var ids: [SPIFFEID] = []
    for text in texts {
      do {
        ids.append(try SPIFFEID(text))
      } catch {
        checks.fail("could not parse admin ID \(GoText.quote(text)): \(error)", key: "server.admin_ids")
      }
    }
    return ids
  }

  /// The address in numbers. Asks the resolver only when it is a name.
  static func resolve(_ address: String, _ port: Int, _ checks: inout ConfigurationChecks) -> String {
    let prefix = "could not resolve bind address \(GoText.quote("\(address):\(port)"))"
    guard (0...65535).contains(port) else {
      checks.fail("\(prefix): address \(port): invalid port", key: "server.bind_port")
      return address
    }
    var literal = address
    if literal.hasPrefix("[") && literal.hasSuffix("]") { literal = String(literal.dropFirst().dropLast()) }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(literal, nil, &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard status == 0, let first = found,
      getnameinfo(
        first.pointee.ai_addr, first.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
    else {
      let reason = status == EAI_NONAME ? "no such host" : String(cString: gai_strerror(status))
      checks.fail("\(prefix): lookup \(literal): \(reason)", key: "server.bind_address")
      return address
    }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func keyTypes(
    _ server: ServerConfigFile.Server, _ checks: inout ConfigurationChecks
  ) -> (ca: KeyType, jwt: KeyType, wit: KeyType) {
    let ca = keyType(server.caKeyType, "ca_key_type", &checks) ?? .ecP256
    return (
      ca, keyType(server.jwtKeyType, "jwt_key_type", &checks) ?? ca,
      keyType(server.experimental?.witKeyType, "experimental.wit_key_type", &checks) ?? ca
    )
  }

  private static func keyType(
    _ text: String?, _ key: String, _ checks: inout ConfigurationChecks
  ) -> KeyType? {
    guard let text, !text.isEmpty else { return nil }
    if let type = KeyType(rawValue: text.lowercased()) { return type }
    let name = key.split(separator: ".").last ?? ""
    checks.fail(
      "error parsing \(name): key type \(GoText.quote(text)) is unknown; "
        + "must be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]",
      key: "server." + key)
    return nil
  }

  /// Nil: attested nodes are not pruned.
  static func nodePruning(
    _ server: ServerConfigFile.Server, _ checks: inout ConfigurationChecks
  ) -> (expiredFor: Duration?, batchSize: Int) {
    let expiredFor = checks.duration(
      server.pruneAttestedNodesExpiredFor, key: "server.prune_attested_nodes_expired_for",
      "could not parse prune_attested_nodes_expired_for")
    let batch = server.pruneAttestedNodesBatchSize ?? 0
    return (expiredFor == .zero ? nil : expiredFor, batch > 0 ? batch : 1000)
  }

  static func subject(_ file: ServerConfigFile.CASubject?, _ checks: inout ConfigurationChecks) -> Subject {
    guard let file else { return Subject() }
    var subject = Subject()
    subject.country = (file.country ?? []).filter { !$0.isEmpty }
    subject.organization = (file.organization ?? []).filter { !$0.isEmpty }
    subject.commonName = file.commonName ?? ""
    if subject.country.isEmpty && subject.organization.isEmpty && subject.commonName.isEmpty {
      checks.warn("ca_subject is empty; the default subject C=US,O=SPIFFE is used")
      return Subject()
    }
    return subject
  }

  /// Takes the datastore's block out of the others.
  static func plugins(
    _ blocks: PluginBlocks?, _ checks: inout ConfigurationChecks
  ) -> (datastore: PluginConfiguration, others: [PluginConfiguration]) {
    let standIn = PluginConfiguration(type: "DataStore", name: "sql")
    guard let blocks else { return (standIn, []) }
    blocks.check(UnsupportedKeys.plugins, except: "DataStore", checks: &checks)
    let stores = blocks.plugins.filter { $0.type == "DataStore" && $0.isEnabled }
    if stores.isEmpty { checks.fail("expecting a DataStore plugin", key: "plugins") }
    if stores.count > 1 { checks.fail("only one DataStore plugin is allowed", key: "plugins") }
    for store in stores where store.name != "sql" || store.isExternal {
      checks.fail(
        #"pluggability for the DataStore is deprecated; only the built-in "sql" plugin is supported"#,
        key: "plugins.DataStore." + store.name, at: store.position.map { HCLPosition(line: $0.line, column: 1) })
    }
    return (stores.first ?? standIn, blocks.plugins.filter { $0.type != "DataStore" })
  }
}
