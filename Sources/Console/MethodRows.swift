package import RPC
import SPIFFE

/// The rows of a program's method table as JSON, one line each: `Scripts/docs` makes the pages of docs/reference/api of
/// them. Called by the hidden commands `docs methods`.
package enum MethodRows {
  package static func text(_ policies: [MethodPolicy]) -> String {
    policies.map { row(for: $0).text(.sorted) + "\n" }.joined()
  }

  private static func row(for policy: MethodPolicy) -> JSONValue {
    let audit: String =
      switch policy.audit {
      case .call: "call"
      case .items: "items"
      case .none: "none"
      }
    return [
      "audit": .string(audit), "audit_fields": .array(policy.auditFields.map { .string($0) }),
      "callers": .array(callers(policy.callers).map { .string($0) }),
      "method": .string(policy.names.full), "rate_limit": policy.rateLimit.map { .int(Int64($0.rate)) } ?? .null,
    ]
  }

  private static func callers(_ callers: MethodPolicy.Callers) -> [String] {
    let names: [(MethodPolicy.Callers, String)] = [
      (.any, "any"), (.local, "local"), (.admin, "admin"), (.agent, "agent"), (.downstream, "downstream"),
    ]
    return names.filter { callers.contains($0.0) }.map(\.1)
  }
}
