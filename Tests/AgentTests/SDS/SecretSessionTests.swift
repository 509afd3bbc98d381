import Foundation
import Testing

@testable import Agent

/// How the two tasks of a stream share it.
@Suite struct SecretSessionTests {
  private func name(_ turn: SecretSession.Turn?) -> String {
    switch turn {
    case nil: "none"
    case .anew: "anew"
    case .finished: "finished"
    case .failed(let error): "\(error)"
    }
  }

  /// Whether a subscription was ended.
  private func hasEnded(_ subscription: WorkloadSubscription) async -> Bool {
    await subscription.first { _ in true } == nil
  }

  @Test func theFirstEndHolds() async {
    let session = SecretSession(SecretNames()) { 1 }
    let subscription = WorkloadSubscription()
    session.follow(subscription)
    session.lookedAgain()
    session.call(.failed(AgentError(.unknown, "first")))
    session.call(.finished)
    session.lookedAgain()
    #expect(await hasEnded(subscription))
    #expect(name(session.takeTurn()) == "first")
    #expect(name(session.takeTurn()) == "none")
  }

  @Test func aSubscriptionThatBeginsTooLateEndsAtOnce() async {
    let session = SecretSession(SecretNames()) { 1 }
    session.close()
    #expect(session.beginAnswering() && session.next() == nil)
    let subscription = WorkloadSubscription()
    session.follow(subscription)
    #expect(await hasEnded(subscription))
    #expect(name(session.takeTurn()) == "finished")
  }

  @Test func whileItLooksAgainUpdatesOfBeforeAreNoAnswer() throws {
    let world = try SecretWorld()
    let session = SecretSession(SecretNames()) { 1 }
    session.follow(WorkloadSubscription())
    session.receive(try world.update([]))
    _ = session.receive(.names(["default"]))
    #expect(session.beginAnswering() && session.next() == .lookAgain)
    session.lookedAgain()
    session.receive(try world.update([], federated: false))
    #expect(session.next() == nil)
    #expect(name(session.takeTurn()) == "anew")
    session.follow(WorkloadSubscription())
    session.receive(try world.update())
    #expect(session.beginAnswering())
    guard case .send(let response)? = session.next() else { return #expect(Bool(false)) }
    #expect(response.names == ["default"])
  }

  @Test func oneTaskAnswersAtATime() throws {
    let world = try SecretWorld()
    let session = SecretSession(SecretNames()) { 1 }
    session.receive(try world.update())
    _ = session.receive(.names(["ROOTCA"]))
    #expect(session.beginAnswering() && !session.beginAnswering())
    guard case .send? = session.next() else { return #expect(Bool(false)) }
    #expect(!session.beginAnswering())
    #expect(session.next() == nil)
    #expect(session.beginAnswering())
  }
}
