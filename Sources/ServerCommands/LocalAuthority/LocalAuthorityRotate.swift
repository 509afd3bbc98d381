import Console
import Daemon
import Flags
import GRPCCore
import SPIREProtos
import SwiftProtobuf

/// `localauthority rotate`: replaces the authority that signs, from its preparation to the revocation of the old one.
struct LocalAuthorityRotate: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var type = "x509"
    var dryRun = false
    var force = false
    var timeout = Duration.zero
  }

  /// How long is waited with `-force` unless `-timeout` says otherwise.
  private static let forcedTimeout = Duration.seconds(60)
  private static let interval = Duration.seconds(1)

  let name = "localauthority rotate"
  let synopsis = "Replaces the X.509 or JWT authority that signs, step by step"
  let details = """
    Prepares a new authority, waits until every agent and server has it in its bundle, activates it, taints the one before, \
    waits until everything that one signed is replaced or has expired, and revokes it. Each step is shown. An interrupted \
    rotation goes on when the command is given again.

    Below an upstream authority, the root above the old authority is tainted and revoked if the new one stands below another \
    root; otherwise there is nothing to withdraw, and what the old authority signed expires by itself.
    """
  let examples = [
    CommandExample("See what would be done, and who has confirmed what", "localauthority rotate -dryRun"),
    CommandExample("Replace the JWT authority", "localauthority rotate -type jwt"),
    CommandExample(
      "Go on after ten minutes without agents that do not answer", "localauthority rotate -force -timeout 10m"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("type", \.type, "Which authority: x509 or jwt").takes(.oneOf(["x509", "jwt"])),
    .bool("dryRun", \.dryRun, "Show what would be done, and change nothing"),
    .bool("force", \.force, "Go on when -timeout (1m unless given) is over, whoever has not confirmed the step"),
    .duration("timeout", \.timeout, "How long each wait may last; 0 waits as long as it takes"),
  ]
  let time: any TimeSource
  /// Makes an interrupt of this process say what it leaves behind.
  let handleInterrupts: @Sendable () -> Void

  init(
    time: any TimeSource = SystemTime(), handleInterrupts: @escaping @Sendable () -> Void = RotationInterrupt.install
  ) {
    self.time = time
    self.handleInterrupts = handleInterrupts
  }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    guard let kind = AuthorityReport.Kind.allCases.first(where: { $0.word == options.type.lowercased() }) else {
      throw CommandFailure("-type \"\(options.type)\" is not known: it is x509 or jwt")
    }
    let say: @Sendable (String) -> Void = { options.output.format == .json ? io.printError($0) : io.print($0) }
    let state = try await RotationClient.state(server, kind)
    if options.dryRun { return show(state, kind, options, io) }
    handleInterrupts()
    say("\(kind.rawValue) authority \(state.active.authorityID) signs until \(Times.utc(state.active.expiresAt)).")
    if state.hasPrepared { say("Authority \(state.prepared.authorityID) is prepared already: going on with it.") }
    var rotation = Rotation(kind: kind, server: server, options: options, time: time, say: say)
    let last = try await rotation.run(from: state)
    options.output.print(RotationResult(kind: kind, state: last, revoked: rotation.revoked), to: io) {}
  }

  private func show(_ state: RotationClient.State, _ kind: AuthorityReport.Kind, _ options: Options, _ io: CommandIO) {
    let plan = RotationPlan()
    let steps = plan.outline(state, kind)
    options.output.print(RotationOutline(kind: kind, state: state, steps: steps), to: io) {
      io.print("\(RotationReport.standing(state, kind)).")
      if state.hasPreparedKnown { io.print("  \(RotationReport.text(state.preparedKnown, "have it", now: state.now))") }
      if state.oldTainted { io.print("  \(RotationReport.replacement(state, kind))") }
      if case .blocked(let reason) = plan.next(state) { io.print("It cannot go on: \(reason).") }
      io.print("A rotation would:")
      for (index, step) in steps.enumerated() { io.print("  \(index + 1). \(step)") }
    }
  }

  /// One run of the command. A value: it remembers what it did.
  private struct Rotation {
    let kind: AuthorityReport.Kind
    let server: UnixAPI
    let options: Options
    let time: any TimeSource
    let say: @Sendable (String) -> Void
    var plan = RotationPlan()
    var revoked = ""
    /// The step that is waited for, since when, and what was said about it last.
    private var waiting: (step: RotationPlan.Step, since: Duration, said: [String])?

    init(
      kind: AuthorityReport.Kind, server: UnixAPI, options: Options, time: any TimeSource,
      say: @escaping @Sendable (String) -> Void
    ) {
      self.kind = kind
      self.server = server
      self.options = options
      self.time = time
      self.say = say
    }

    mutating func run(from first: RotationClient.State) async throws -> RotationClient.State {
      var state = first
      while true {
        let step = plan.next(state)
        RotationInterrupt.enter(Self.phase(state, step))
        switch step {
        case .prepare: try await prepare()
        case .awaitKnown:
          if try await wait(step, state, RotationReport.key(state.preparedKnown)) {
            try await activate(state, force: true)
          }
        case .activate: try await activate(state, force: false)
        case .taint: try await taint(state)
        case .awaitReplaced:
          let key = kind == .x509 ? RotationReport.key(state.oldReplaced) + ["\(state.serverSvidReplaced)"] : []
          if try await wait(step, state, key) { try await revoke(state) }
        case .revoke: try await revoke(state)
        case .blocked(let reason):
          throw CommandFailure("the rotation cannot go on: \(reason). \(RotationReport.standing(state, kind))")
        case .finished:
          if state.hasOld, state.oldListed, state.oldRoot.isEmpty {
            say(
              "Nothing is withdrawn: the old authority stands below the same root, and what it signed expires by itself."
            )
          }
          say("Finished: \(RotationReport.standing(state, kind)).")
          return state
        }
        state = try await RotationClient.state(server, kind)
      }
    }

    private static func phase(_ state: RotationClient.State, _ step: RotationPlan.Step) -> RotationInterrupt.Phase {
      switch step {
      case .prepare: .nothing
      case .awaitKnown, .activate: .prepared
      case .taint, .blocked: .activated
      case .awaitReplaced, .revoke: .tainted
      case .finished: state.hasOld && state.oldTainted ? .tainted : .nothing
      }
    }

    /// Waits a moment; true when it has waited long enough and is to go on all the same.
    private mutating func wait(
      _ step: RotationPlan.Step, _ state: RotationClient.State, _ key: [String]
    ) async throws -> Bool {
      let now = time.steady
      if waiting?.step != step { waiting = (step, now, ["?"]) }
      if waiting?.said != key {
        waiting?.said = key
        let what =
          step == .awaitKnown
          ? RotationReport.text(state.preparedKnown, "have it", now: state.now)
          : RotationReport.replacement(state, kind)
        say("Waiting: \(what).")
      }
      let limit = options.timeout > .zero ? options.timeout : options.force ? LocalAuthorityRotate.forcedTimeout : nil
      if let limit, let since = waiting?.since, now - since >= limit {
        guard options.force else {
          throw CommandFailure(
            "not all have confirmed within \(GoDuration.format(limit)). \(RotationReport.standing(state, kind)). The same "
              + "command goes on from here; with -force it does not wait for those that are missing")
        }
        say("Going on without those (-force).")
        return true
      }
      try await time.sleep(for: LocalAuthorityRotate.interval)
      return false
    }

    // MARK: Steps

    private func prepare() async throws {
      let failure = "could not prepare \(kind.rawValue) authority"
      let prepared: AuthorityReport.Authority
      switch kind {
      case .x509:
        prepared = try await LocalAuthorityClient.call(server, failure) { try await $0.prepareX509Authority(.init()) }
          .preparedAuthority
      case .jwt:
        prepared = try await LocalAuthorityClient.call(server, failure) { try await $0.prepareJWTAuthority(.init()) }
          .preparedAuthority
      }
      say("Prepared \(prepared.authorityID): it is in the bundle, and does not sign yet.")
    }

    private mutating func activate(_ state: RotationClient.State, force: Bool) async throws {
      let id = state.prepared.authorityID
      do {
        _ = try await RotationClient.activate(server, kind, id: id, force: force, beginsRotation: true)
      } catch let failure as CallFailure where failure.code == .failedPrecondition && !force {
        // An agent came in between.
        return
      } catch { throw CommandFailure("could not activate \(kind.rawValue) authority: \(error)") }
      plan.hasActed = true
      say("Activated \(id): it signs from now on.")
    }

    private func taint(_ state: RotationClient.State) async throws {
      let id = state.oldRoot
      let failure = "could not taint \(id)"
      switch (kind, state.hasUpstream_p) {
      case (.x509, true):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.taintX509UpstreamAuthority(.with { $0.subjectKeyID = id })
        }
      case (.x509, false):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.taintX509Authority(.with { $0.authorityID = id })
        }
      case (.jwt, _):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.taintJWTAuthority(.with { $0.authorityID = id })
        }
      }
      say("Tainted \(id): agents replace what it signed.")
    }

    private mutating func revoke(_ state: RotationClient.State) async throws {
      let id = state.oldRoot
      let failure = "could not revoke \(id)"
      switch (kind, state.hasUpstream_p) {
      case (.x509, true):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.revokeX509UpstreamAuthority(.with { $0.subjectKeyID = id })
        }
      case (.x509, false):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.revokeX509Authority(.with { $0.authorityID = id })
        }
      case (.jwt, _):
        _ = try await LocalAuthorityClient.call(server, failure) {
          try await $0.revokeJWTAuthority(.with { $0.authorityID = id })
        }
      }
      plan.hasActed = true
      revoked = id
      say("Revoked \(id): it is not in the bundle any more.")
    }
  }
}
