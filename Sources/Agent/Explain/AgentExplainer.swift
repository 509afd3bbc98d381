package import AgentPlugins
import Daemon
import FoundationEssentials
import SPIFFE
package import SPIREProtos

/// Explains which identities a process gets, and how the agent itself is. ``ExplainService`` puts it on gRPC.
///
/// A value over the agent's parts; it changes nothing but that it has the server asked once more before it says that
/// nothing matches. It hands out no key and no token.
package struct AgentExplainer: Sendable {
  typealias State = Swiftspire_Agent_Explain_V1_AgentState
  typealias Entry = Swiftspire_Agent_Explain_V1_Entry

  /// Entries that nearly match, at most.
  static let nearestLimit = 5
  /// Entries of the agent, at most.
  static let entryLimit = 100
  /// How long an attestor may take.
  static let patience: Duration = .seconds(10)

  let parts: AdminParts
  let processes: HostProcesses

  package init(_ parts: AdminParts, processes: HostProcesses = .ofEnvironment()) {
    self.parts = parts
    self.processes = processes
  }

  // MARK: A process

  /// Explains the process `pid`.
  ///
  /// - Throws: ``AgentError`` `notFound` when there is no such process, or it ends meanwhile.
  package func explain(pid: Int32) async throws(AgentError) -> Swiftspire_Agent_Explain_V1_ExplainProcessResponse {
    guard pid > 0 else { throw AgentError(.invalidArgument, "a process ID is a number above zero") }
    var response = Swiftspire_Agent_Explain_V1_ExplainProcessResponse()
    let (process, start) = try look(at: pid)
    response.process = process
    let reports = await parts.attestation.reports(on: pid, atMost: Self.patience, parts.time)
    // The number may belong to another process by now.
    guard try look(at: pid).start == start else { throw Self.gone(pid) }
    response.attestors = reports.map(Self.message)
    let selectors = Set(reports.flatMap(\.selectors))
    // As before a workload is told the same.
    let matching = await parts.earlySync.found { parts.cache.states(matching: selectors) }
    let shown = Set(HintFilter.apply(matching.map(\.entry)) { $0 }.map(\.id))
    response.matching = matching.map { state in
      var entry = Self.message(state)
      entry.hiddenByHint = !shown.contains(state.entry.id)
      return entry
    }
    let types = Set(reports.map(\.name))
    let nearest = parts.cache.nearest(to: selectors, types: types, limit: Self.nearestLimit)
    response.nearest = nearest.map { state, missing in
      var entry = Self.message(state)
      entry.missingSelectors = missing.map(\.message)
      let instead = selectors.filter { found in missing.contains { $0.isOfTheKind(of: found) } }
      entry.foundInstead = instead.sorted().map(\.message)
      return entry
    }
    response.agent = await state()
    let stored = parts.cache.storeEntries
    response.findings =
      ExplainFindings.ofProcess(
        response, nearest: nearest.map(\.state.entry), types: types,
        stored: stored.filter { $0.selectors.allSatisfy(selectors.contains) }, now: parts.time.now)
      + ExplainFindings.ofRights(
        matching.map(\.entry.spiffeID), delegates: parts.delegates.authorized, brokers: parts.brokers)
      + ExplainFindings.ofAgent(response.agent, stored: stored, syncInterval: parts.syncInterval)
    return response
  }

  private func look(
    at pid: Int32
  ) throws(AgentError) -> (process: Swiftspire_Agent_Explain_V1_Process, start: UInt64) {
    var process = Swiftspire_Agent_Explain_V1_Process()
    do {
      let start = try processes.startTime(of: pid)
      let status = try processes.status(of: pid)
      process.pid = pid
      process.uid = status.uid
      process.gid = status.gid
      // Kernel threads have none, and other users' may be hidden.
      process.executable = (try? processes.executable(of: pid)) ?? ""
      return (process, start)
    } catch {
      throw Self.gone(pid)
    }
  }

  private static func gone(_ pid: Int32) -> AgentError {
    AgentError(
      .notFound,
      "there is no process \(pid) where the agent can see it; an agent in a container sees the host's processes only in "
        + "the host's PID namespace")
  }

  // MARK: The agent

  /// Explains the agent itself.
  package func explainAgent() async -> Swiftspire_Agent_Explain_V1_ExplainAgentResponse {
    var response = Swiftspire_Agent_Explain_V1_ExplainAgentResponse()
    response.agent = await state()
    response.entries = parts.cache.states(limit: Self.entryLimit).map(Self.message)
    let absent = parts.delegates.authorized.subtracting(parts.cache.entryIDs).sorted()
    response.findings =
      ExplainFindings.ofAgent(
        response.agent, stored: parts.cache.storeEntries, syncInterval: parts.syncInterval)
      + ExplainFindings.ofAbsentDelegates(absent)
    return response
  }

  private func state() async -> State {
    var state = State()
    let svid = parts.identity.svid
    state.id = svid.id.message
    state.now = Self.seconds(parts.time.now)
    state.svidExpiresAt = Self.seconds(svid.notAfter)
    state.svidRotatesAt = Self.seconds(parts.identity.rotationTime)
    state.reattestable = svid.reattestable
    state.server = "\(parts.server.host):\(parts.server.port)"
    if let last = await parts.synchronizer.lastSync { state.lastSyncAt = Self.seconds(last) }
    if let failure = await parts.synchronizer.lastFailure {
      state.lastFailureAt = Self.seconds(failure.at)
      state.lastFailure = failure.message
    }
    state.watching = await parts.synchronizer.isWatching
    if let position = await parts.synchronizer.watchPosition {
      state.watchInstance = position.instance
      state.watchRevision = position.revision
    }
    state.entries = Int32(clamping: parts.cache.entryCount)
    state.x509Svids = Int32(clamping: parts.cache.svidCount)
    state.jwtSvids = Int32(clamping: parts.issuer.cachedCount)
    if let next = parts.cache.nextRotation { state.nextRotationAt = Self.seconds(next) }
    return state
  }

  // MARK: Messages

  static func seconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970) }

  private static func message(_ report: AttestorReport) -> Swiftspire_Agent_Explain_V1_Attestor {
    var message = Swiftspire_Agent_Explain_V1_Attestor()
    message.name = report.name
    message.selectors = report.selectors.map(\.message)
    message.error = report.error ?? ""
    return message
  }

  private static func message(_ state: WorkloadCache.EntryState) -> Entry {
    var message = Entry()
    message.id = state.entry.id
    message.spiffeID = state.entry.spiffeID.message
    message.selectors = state.entry.selectors.map(\.message)
    message.hint = state.entry.hint
    message.revisionNumber = state.entry.revisionNumber
    message.x509Svid.cached = state.svid != nil
    if let svid = state.svid {
      message.x509Svid.expiresAt = seconds(svid.notAfter)
      message.x509Svid.rotatesAt = seconds(svid.rotationTime)
      message.x509Svid.outdated = state.isOutdated
    }
    return message
  }
}

extension SPIFFEID {
  var message: Spire_Api_Types_SPIFFEID {
    var message = Spire_Api_Types_SPIFFEID()
    message.trustDomain = trustDomain.name
    message.path = path
    return message
  }
}

extension Selector {
  var message: Spire_Api_Types_Selector {
    var message = Spire_Api_Types_Selector()
    message.type = type
    message.value = value
    return message
  }

  /// Whether both say the same of a workload, with other values: `unix:uid:1` and `unix:uid:2`.
  func isOfTheKind(of other: Selector) -> Bool {
    guard type == other.type else { return false }
    return value.prefix { $0 != ":" } == other.value.prefix { $0 != ":" }
  }
}
