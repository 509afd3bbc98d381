import DatastoreAPI
import Mutations
import Testing

@testable import Server

/// Every order in which transactions, a server that follows them, and pruning can take their steps.
@Suite struct EventCursorSimulationTests {
  /// Visits each state that can be reached and settles it; the first fault ends the search.
  private func explore(_ start: EventWorld, rounds: Int, prunes: Int = 0) -> (states: Int, fault: String?) {
    struct State: Hashable {
      var world: EventWorld
      var prunes: Int
    }
    var visited: Set<State> = []
    var stack = [State(world: start, prunes: prunes)]
    while let state = stack.popLast() {
      guard visited.insert(state).inserted else { continue }
      var isEnd = true
      for index in state.world.transactions.indices where state.world.canStep(index) {
        isEnd = false
        var next = state
        next.world.step(index)
        stack.append(next)
      }
      if state.world.phase != .idle || state.world.rounds < rounds {
        var next = state
        if next.world.phase == .idle { next.world.now += .seconds(1) }
        next.world.stepServer()
        stack.append(next)
      }
      if state.prunes > 0, !state.world.hasSlept {
        var next = state
        next.world.sleep()
        stack.append(next)
      }
      if state.prunes > 0, state.world.prunable > 0 {
        for count in Set([1, state.world.prunable]) {
          var next = state
          next.prunes -= 1
          next.world.prune(count)
          stack.append(next)
        }
      }
      if isEnd {
        var settled = state.world
        settled.settle()
        if let fault = settled.fault { return (visited.count, "\(fault) after \(state.world)") }
      }
    }
    return (visited.count, nil)
  }

  private func world(
    _ transactions: [EventWorld.Transaction], tellsWriters: Bool, gapLimit: Int = 1000
  ) -> EventWorld {
    var world = EventWorld(tellsWriters: tellsWriters, gapLimit: gapLimit)
    world.round(after: .zero)
    world.transactions = transactions
    return world
  }

  @Test(arguments: [true, false]) func threeServers(tellsWriters: Bool) {
    let result = explore(
      world(
        [.init(entity: "a"), .init(entity: "b", commits: false), .init(entity: "c", ids: 2)],
        tellsWriters: tellsWriters), rounds: 2)
    #expect(result.fault == nil)
    #expect(result.states > 1000)
  }

  @Test(arguments: [true, false]) func ownCommitsAmongThem(tellsWriters: Bool) {
    let result = explore(
      world(
        [.init(entity: "a"), .init(entity: "a", isOwn: true), .init(entity: "b")], tellsWriters: tellsWriters),
      rounds: 2)
    #expect(result.fault == nil)
  }

  @Test(arguments: [true, false]) func twoOwnCommitsAndAnother(tellsWriters: Bool) {
    let result = explore(
      world(
        [.init(entity: "a", isOwn: true), .init(entity: "a"), .init(entity: "b", isOwn: true)],
        tellsWriters: tellsWriters), rounds: 2)
    #expect(result.fault == nil)
  }

  @Test(arguments: [true, false]) func pruningAtAnyMoment(tellsWriters: Bool) {
    let result = explore(
      world([.init(entity: "a"), .init(entity: "b", isOwn: true)], tellsWriters: tellsWriters), rounds: 2, prunes: 2)
    #expect(result.fault == nil)
  }

  /// Nothing may be kept: every gap is a doubt.
  @Test(arguments: [true, false]) func withoutRoomForGaps(tellsWriters: Bool) {
    let result = explore(
      world(
        [.init(entity: "a"), .init(entity: "b", isOwn: true), .init(entity: "c", commits: false)],
        tellsWriters: tellsWriters, gapLimit: 0), rounds: 2)
    #expect(result.fault == nil)
  }

  /// The server starts while the others write.
  @Test(arguments: [true, false]) func startingAtAnyMoment(tellsWriters: Bool) {
    var world = EventWorld(tellsWriters: tellsWriters)
    world.transactions = [.init(entity: "a", ids: 2), .init(entity: "b", commits: false), .init(entity: "a")]
    let result = explore(world, rounds: 2)
    #expect(result.fault == nil)
  }

  /// The search finds what it is there for: a server that takes the greatest ID for the end of the log.
  @Test func aServerThatForgetsGapsIsFound() {
    var world = world([.init(entity: "a"), .init(entity: "b")], tellsWriters: true)
    world.tellsWriters = false
    // Nobody tells, and nobody is waited for.
    world.cursor = EventCursor(runs: .init(), after: EventCursor(timeout: .zero))
    #expect(explore(world, rounds: 3).fault != nil)
  }

  // MARK: Long runs

  @Test(arguments: 0..<40) func manyServersForLong(seed: UInt64) {
    var random = SplitMix64(seed: seed &* 977)
    var world = EventWorld(
      tellsWriters: seed.isMultiple(of: 2), timeout: .seconds(900), gapLimit: [1000, 3][Int(seed / 2 % 2)])
    for _ in 0..<1500 {
      let open = world.transactions.indices.filter { world.canStep($0) }
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<50:
        if let index = open.randomElement(using: &random) { world.step(index) }
      case 50..<60 where open.count < 6:
        world.transactions.append(
          .init(
            entity: "e\(Int.random(in: 0..<8, using: &random))", ids: Int.random(in: 1...3, using: &random),
            commits: Int.random(in: 0..<4, using: &random) > 0, isOwn: Int.random(in: 0..<3, using: &random) == 0))
      case 60: world.skip(Int64.random(in: 1...40, using: &random))
      case 61: world.skip(1 << 40)
      case 62: world.prune(Int.random(in: 1...30, using: &random))
      case 63 where world.phase == .idle: world.sleep()
      default:
        if world.phase == .idle { world.now += .milliseconds(Int.random(in: 1...3000, using: &random)) }
        world.stepServer()
      }
    }
    for index in world.transactions.indices { while world.canStep(index) { world.step(index) } }
    for index in world.transactions.indices { while world.canStep(index) { world.step(index) } }
    world.settle()
    #expect(world.fault == nil)
    #expect(world.cursor.missingCount == 0)
  }

  @Test(arguments: 0..<40) func restoredFromABackup(seed: UInt64) {
    var random = SplitMix64(seed: seed &* 31 &+ 5)
    var world = EventWorld(tellsWriters: seed.isMultiple(of: 2))
    world.round(after: .zero)
    func write(_ count: Int, _ random: inout SplitMix64) {
      for _ in 0..<count {
        world.transactions.append(.init(entity: "u\(UInt64.random(in: 0..<UInt64.max, using: &random))"))
        let index = world.transactions.count - 1
        while world.canStep(index) { world.step(index) }
        if Int.random(in: 0..<4, using: &random) == 0 { world.stepServer() }
      }
    }
    write(20, &random)
    let backup = world.backup
    write(Int.random(in: 0..<20, using: &random), &random)
    for _ in 0..<Int.random(in: 0..<12, using: &random) { world.stepServer() }
    world.restore(backup)
    // Others may have written as much again before this server looks.
    write(Int.random(in: 0..<40, using: &random), &random)
    world.settle()
    #expect(world.fault == nil)
  }

  /// A transaction that never ends costs a look now and then, and no memory.
  @Test func aTransactionThatStaysOpen() {
    var world = world([.init(entity: "a")], tellsWriters: true)
    world.step(0)
    for number in 1...2000 {
      world.transactions.append(.init(entity: "b\(number)"))
      world.step(number)
      world.step(number)
      world.round(after: .seconds(1))
    }
    #expect(world.cursor.missingCount == 1)
    let plan = world.cursor.plan(newest: world.cursor.newest, since: world.cursor.newest, now: world.now)
    guard case .read(let read) = plan else {
      Issue.record("reloads")
      return
    }
    #expect(read.overdue == ["0"])
    #expect(world.reloads == 1)
    world.step(0)
    world.settle()
    for _ in 0..<31 { world.round(after: .seconds(1)) }
    #expect(world.fault == nil)
  }
}
