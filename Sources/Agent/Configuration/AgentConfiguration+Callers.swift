import Daemon
import SPIFFE

/// Who may ask for the identities of others: `authorized_delegates`.
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
}
