import Daemon
import SPIFFE

/// Who may ask for the identities of others: `authorized_delegates` and `experimental.broker`.
extension AgentConfiguration {
  static func delegates(
    _ texts: [String], _ domain: TrustDomain?, _ checks: inout ConfigurationChecks
  ) -> Set<SPIFFEID> {
    var delegates: Set<SPIFFEID> = []
    for text in texts {
      func refuse(_ why: String) {
        checks.fail("error validating authorized delegate: \(why)", key: "agent.authorized_delegates")
      }
      do {
        let id = try SPIFFEID(text)
        if let domain, !id.isMember(of: domain) {
          refuse("SPIFFE ID \(GoText.quote(text)) is not a member of trust domain \(GoText.quote(domain.name))")
        } else if id.path.isEmpty {
          refuse("SPIFFE ID \(GoText.quote(text)) has no path, so it is no workload's")
        }
        delegates.insert(id)
      } catch { refuse("\(error)") }
    }
    return delegates
  }

  /// - Parameter workloads: the workloads' socket, if there is one: none of the brokers' may lie where workloads may look.
  static func broker(
    _ file: AgentBrokerFile?, workloads: String?, _ checks: inout ConfigurationChecks
  ) -> BrokerSettings? {
    guard let file else { return nil }
    let key = "agent.experimental.broker"
    let path = file.socketPath.flatMap { $0.isEmpty ? nil : ConfigurationFile.absolute($0) }
    if let path, let workloads, path.hasPrefix(folder(of: workloads)) {
      checks.fail(
        "broker socket cannot be in the same directory or a subdirectory as that containing the Workload API socket",
        key: key + ".socket_path")
    }
    var address: ListenAddress?
    let text = file.bindAddress ?? ""
    if !text.isEmpty {
      do { address = try ListenAddress(text) } catch {
        checks.fail(
          "invalid experimental.broker.bind_address \(GoText.quote(text)): \(error)", key: key + ".bind_address")
      }
    }
    if path == nil, text.isEmpty {
      checks.fail("experimental.broker requires socket_path, bind_address, or both", key: key)
    }
    return BrokerSettings(socketPath: path, listenAddress: address, brokers: brokers(file.brokers, &checks))
  }

  private static func brokers(
    _ files: [AgentBrokerFile.Broker], _ checks: inout ConfigurationChecks
  ) -> [SPIFFEID: BrokerSettings.ReferenceTypes] {
    let key = "agent.experimental.broker.brokers"
    // Upstream finds out when it begins to serve; there is nobody to serve.
    if files.isEmpty { checks.fail("experimental.broker.brokers: at least one broker is required", key: key) }
    var brokers: [SPIFFEID: BrokerSettings.ReferenceTypes] = [:]
    for (index, file) in files.enumerated() {
      guard let text = file.id, !text.isEmpty else {
        checks.fail("experimental.broker.brokers[\(index)].id: must be specified", key: key)
        continue
      }
      let name = "experimental.broker.brokers[\(text)]"
      do {
        let id = try SPIFFEID(text)
        if brokers[id] != nil { checks.fail("\(name).id: duplicate broker id", key: key) }
        brokers[id] = referenceTypes(file.allowedReferenceTypes, name, key, &checks)
      } catch { checks.fail("\(name).id: \(error)", key: key) }
    }
    return brokers
  }

  private static func referenceTypes(
    _ files: [AgentBrokerFile.ReferenceType], _ name: String, _ key: String, _ checks: inout ConfigurationChecks
  ) -> BrokerSettings.ReferenceTypes {
    if files.isEmpty {
      checks.fail("\(name).allowed_reference_types: must list at least one reference type URL", key: key)
    }
    var overTCP: [String: Bool] = [:]
    for (index, file) in files.enumerated() {
      let url = file.typeURL ?? ""
      if url.isEmpty {
        checks.fail("\(name).allowed_reference_types[\(index)].type_url: must be specified", key: key)
      } else if url == "*", files.count > 1 {
        checks.fail(
          "\(name).allowed_reference_types: wildcard \"*\" must be the only allowed reference type", key: key)
      }
      overTCP[url] = file.allowOverTCP == true
    }
    return BrokerSettings.ReferenceTypes(overTCP: overTCP)
  }
}
