import Testing

@testable import AgentPlugins

/// When a caller looks again, and when the kubelet may be asked: values, moved by hand.
@Suite struct PollPlanTests {
  /// The pauses until the end, for a list that is there at once.
  private func pauses(_ plan: PollPlan, _ sighting: (Int) -> PollPlan.Sighting) -> [Duration] {
    var plan = plan
    var now = Duration.zero
    var pauses: [Duration] = []
    while case .poll(let pause) = plan.next(sighting(pauses.count), at: now) {
      pauses.append(pause)
      now += pause
    }
    return pauses
  }

  @Test func pausesGrowToTheIntervalAndEndWithUpstreamsTime() {
    let pauses = pauses(PollPlan(attempts: 60, interval: .milliseconds(500), now: .zero)) { _ in .nothing }
    #expect(Array(pauses.prefix(6)) == [25, 50, 100, 200, 400, 500].map { .milliseconds($0) })
    #expect(pauses.allSatisfy { $0 <= .milliseconds(500) })
    #expect(pauses.reduce(.zero, +) == .milliseconds(59 * 500))
  }

  @Test func oneAttemptIsOne() {
    var plan = PollPlan(attempts: 1, interval: .milliseconds(500), now: .zero)
    #expect(plan.next(.nothing, at: .zero) == .end)
  }

  @Test func aPodThatMovesOnIsFollowedClosely() {
    var plan = PollPlan(attempts: 60, interval: .milliseconds(500), now: .zero)
    for _ in 0..<8 { _ = plan.next(.nothing, at: .zero) }
    #expect(plan.next(.nothing, at: .zero) == .poll(after: .milliseconds(500)))
    #expect(plan.next(.pod(1), at: .zero) == .poll(after: .milliseconds(25)), "it has appeared")
    #expect(plan.next(.pod(1), at: .zero) == .poll(after: .milliseconds(50)), "nothing new")
    #expect(plan.next(.pod(2), at: .zero) == .poll(after: .milliseconds(25)), "its containers changed")
  }

  @Test func aPodThatNeverRestsIsNotPolledForEver() {
    var plan = PollPlan(attempts: 60, interval: .milliseconds(500), now: .zero)
    for number in 0..<20 { _ = plan.next(.pod(number), at: .zero) }
    #expect(plan.next(.pod(99), at: .zero) == .poll(after: .milliseconds(500)))
  }

  @Test func aSlowKubeletGetsThreePolls() {
    var plan = PollPlan(attempts: 5, interval: .milliseconds(500), now: .zero)
    #expect(plan.next(.failed, at: .seconds(10)) != .end)
    #expect(plan.next(.failed, at: .seconds(20)) != .end)
    #expect(plan.next(.failed, at: .seconds(30)) == .end)
  }

  @Test func theKubeletIsAskedAtOnceButNotWithoutEnd() {
    let interval = Duration.milliseconds(500)
    var schedule = FetchSchedule(interval: interval)
    #expect(schedule.earliest(.seconds(3)) == .seconds(3))
    var now = Duration.zero
    var starts: [Duration] = []
    // Somebody always wants a list now.
    while now < .seconds(60) {
      now = max(now, schedule.earliest(now))
      schedule.began(at: now)
      starts.append(now)
    }
    #expect(starts[0] == .zero && starts[1] == interval / 20)
    #expect(starts.count <= 60 * 2 + Int(FetchSchedule.burst) + 1, "\(starts.count) requests in a minute")
    for (a, b) in zip(starts, starts.dropFirst()) { #expect(b - a >= interval / 20) }
  }

  @Test func aWatchGoesOnWhereItStood() {
    var plan = WatchPlan()
    #expect(plan.step == .list && plan.pause == .zero)
    plan.after(.listed(version: "10"))
    #expect(plan.step == .watch(from: "10") && plan.pause == .zero)
    plan.after(.ended(version: "12"))
    #expect(plan.step == .watch(from: "12") && plan.pause == .zero)
    plan.after(.ended(version: nil))
    #expect(
      plan.step == .watch(from: "12") && plan.pause == .milliseconds(500), "a server that ends each watch at once")
    plan.after(.failed(version: nil))
    #expect(plan.step == .watch(from: "12") && plan.pause == .seconds(1))
    for _ in 0..<20 { plan.after(.failed(version: nil)) }
    #expect(plan.pause == .seconds(30))
    plan.after(.failed(version: "15"))
    #expect(plan.step == .watch(from: "15") && plan.pause == .milliseconds(500), "it worked until it broke")
    plan.after(.expired)
    #expect(plan.step == .list)
  }

  @Test func aListThatFailsIsAskedForAgain() {
    var plan = WatchPlan()
    plan.after(.failed(version: nil))
    #expect(plan.step == .list && plan.pause == .milliseconds(500))
    plan.after(.failed(version: nil))
    #expect(plan.step == .list && plan.pause == .seconds(1))
  }
}
