import Console
import Daemon
import Flags
import SPIREProtos

/// What a dry run found out, for people.
struct DryRunReport {
  private typealias Result = Swiftspire_Server_Explain_V1_DryRunEntriesResponse.Result

  private let results: [Result]
  private let verb: String
  private let participle: String

  init(
    _ response: Swiftspire_Server_Explain_V1_DryRunEntriesResponse,
    action: Swiftspire_Server_Explain_V1_DryRunEntriesRequest.Action
  ) {
    results = response.results
    verb = action == .update ? "update" : "create"
    participle = verb + "d"
  }

  var text: String {
    var text = "Dry run: nothing was written. This is what the server would do.\n\n"
    for result in results { text += self.text(result) }
    if results.count > 1 {
      let refused = results.count { $0.status.code != 0 }
      text += "\(results.count) entries: \(results.count - refused) would be \(participle)"
      text += refused > 0 ? ", \(refused) would be refused.\n" : ".\n"
    }
    return text
  }

  private func text(_ result: Result) -> String {
    var text: String
    if result.status.code == 0 {
      text = "It would \(verb) the following entry:\n"
    } else {
      text =
        "It would refuse to \(verb) the following entry (code: \(statusName(result.status.code)), "
        + "msg: \(GoText.quote(result.status.message))):\n"
    }
    text += EntryReport.text(result.entry)
    guard result.analysed else {
      return text + (result.status.code == 0 ? "Not looked at further: it comes late in a large batch.\n\n" : "")
    }
    var parts: [String] = []
    if result.status.code == 0 { parts.append(agents(result)) }
    if result.losing.total > 0 {
      parts.append(
        "It would be taken from \(AgentLines.number(result.losing)) that \(result.losing.total == 1 ? "has" : "have") it now:\n"
          + AgentLines.text(result.losing, indent: 2, showsVerdict: false))
    }
    if !result.similar.isEmpty {
      parts.append(
        "Entries that are like it:\n" + result.similar.map(Self.text).joined())
    }
    parts += result.findings.map(Self.finding)
    return text + parts.joined(separator: "\n") + "\n"
  }

  private func agents(_ result: Result) -> String {
    let isNode = result.entry.parentID.path == "/spire/server"
    guard result.agents.total > 0 else {
      return isNode ? "No agent would act as it now.\n" : "No agent would receive it now.\n"
    }
    let number = AgentLines.number(result.agents)
    return (isNode ? "\(number) would act as it:\n" : "\(number) would receive it:\n")
      + AgentLines.text(result.agents, indent: 2, showsVerdict: true)
  }

  private static func text(_ similar: Swiftspire_Server_Explain_V1_Resemblance) -> String {
    let entry = similar.entry
    let selectors = entry.selectors.map { "\($0.type):\($0.value)" }.joined(separator: ", ")
    let what =
      switch similar.kind {
      case .same: "the same parent, SPIFFE ID and selectors: it is there already"
      case .fewerSelectors:
        "the same parent and SPIFFE ID, and only \(selectors): every workload that matches the new entry matches it too"
      case .moreSelectors:
        "the same parent and SPIFFE ID, and more selectors (\(selectors)): every workload that matches it would match "
          + "the new entry too"
      case .otherSelectors: "the same parent and SPIFFE ID, and other selectors: \(selectors)"
      case .otherParent: "the same SPIFFE ID and selectors below another parent, \(entry.parentID.text)"
      case .otherSpiffeID:
        "the same parent and selectors with another SPIFFE ID, \(entry.spiffeID.text): workloads would get both"
      case .UNRECOGNIZED(let number): "a likeness of kind \(number)"
      }
    return Paragraph.text("has \(what)", first: "  entry \(entry.id) ", rest: "    ")
  }

  static func finding(_ finding: Swiftspire_Server_Explain_V1_Finding) -> String {
    let kind =
      switch finding.severity {
      case .problem: "Problem"
      case .warning: "Warning"
      case .note, .UNRECOGNIZED: "Note"
      }
    return Paragraph.finding(kind, finding.message, advice: finding.advice)
  }
}
