import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension ExplainAPI {
  package typealias DryRunRequest = Swiftspire_Server_Explain_V1_DryRunEntriesRequest
  package typealias DryRunResponse = Swiftspire_Server_Explain_V1_DryRunEntriesResponse

  /// Of a batch, only so many entries are analysed; all of them are checked.
  static let analysisLimit = 500

  /// Takes the way of BatchCreateEntry or BatchUpdateEntry, through the same checks and the same statements, in a
  /// transaction that is undone; then looks at whom the entries would reach.
  package func dryRunEntries(request: DryRunRequest, context: ServerContext) async throws -> DryRunResponse {
    var call = try APICall(context)
    let action = request.action == .update ? "update" : "create"
    call.audit(["action": action, "entries": String(request.entries.count)])
    call.note("dry_run", action)
    try await call.limitRate(Self.limitText)
    guard request.action == .create || request.action == .update else {
      throw call.failure(.invalidArgument, "unknown action \(request.action.rawValue)")
    }
    let results = await results(request, call)
    let server = server
    return try await aside(call) { () async throws(DatastoreError) in
      try await Self.analyse(results, request, server)
    }
  }

  private typealias Outcome = (status: Spire_Api_Types_Status, entry: Spire_Api_Types_Entry?)

  /// What the real method would answer.
  private func results(_ request: DryRunRequest, _ call: APICall) async -> [Outcome] {
    let entries = EntryAPI(server)
    if request.action == .update {
      let mask = request.hasInputMask ? request.inputMask : .all
      return await entries.update(request.entries, inputMask: mask, outputMask: nil, isDryRun: true, call)
        .map { ($0.status, $0.hasEntry ? $0.entry : nil) }
    }
    return await entries.create(request.entries, mask: nil, isDryRun: true, call)
      .map { ($0.status, $0.hasEntry ? $0.entry : nil) }
  }

  private static func analyse(
    _ outcomes: [Outcome], _ request: DryRunRequest, _ server: ServerParts
  ) async throws(DatastoreError) -> DryRunResponse {
    let conversion = EntryConversion(trustDomain: server.trustDomain)
    func value(_ message: Spire_Api_Types_Entry) -> RegistrationEntry? { try? conversion.entry(from: message) }
    // Entries of one batch may be each other's parents.
    let accepted = outcomes.compactMap { $0.status.code == 0 ? $0.entry.flatMap(value) : nil }
    var explainer = Explainer(server, changed: accepted)
    var response = DryRunResponse()
    for (index, (outcome, sent)) in zip(outcomes, request.entries).enumerated() {
      var result = DryRunResponse.Result()
      result.status = outcome.status
      // What there is already is listed as similar; here stands what was asked for.
      let planned = outcome.status.code == 0 ? outcome.entry ?? sent : sent
      result.entry = planned
      if request.action == .create { result.entry.id = sent.id }
      if index < analysisLimit, var entry = value(planned) {
        // A refused entry has no ID unless it asked for one; it must not be taken for the one that is there.
        if outcome.status.code != 0, request.action == .create { entry.id = "" }
        try await describe(entry, in: &result, isUpdate: request.action == .update, &explainer)
      }
      response.results.append(result)
    }
    return response
  }

  private static func describe(
    _ entry: RegistrationEntry, in result: inout DryRunResponse.Result, isUpdate: Bool, _ explainer: inout Explainer
  ) async throws(DatastoreError) {
    let reach = try await explainer.reach(of: entry)
    result.analysed = true
    result.agents = explainer.agents(reach, for: entry, isStored: false)
    result.similar = try await explainer.similar(to: entry)
    result.findings = try await explainer.findings(for: entry, reach).map(\.api)
    guard isUpdate, let before = try await explainer.server.datastore.fetchEntry(id: entry.id) else { return }
    let isMoved = before.parentID != entry.parentID || before.isNodeAlias && before.selectors != entry.selectors
    guard isMoved else { return }
    let old = try await Reach.of(before, in: EntryLookup(explainer.server.datastore))
    result.losing = explainer.agents(old.without(reach), for: before, isStored: true)
  }
}
