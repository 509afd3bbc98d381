import DatastoreAPI
import SPIFFE
import Synchronization

@testable import Server

/// An endpoint that answers what the test told it, and remembers who asked.
final class FakeBundleEndpoint: BundleEndpoint {
  struct Call: Sendable {
    let relationship: FederationRelationship
    let authorities: SPIFFE.Bundle?
  }

  private struct State {
    var answers: [TrustDomain: Result<SPIFFE.Bundle, FederationError>] = [:]
    var calls: [Call] = []
    var during: (@Sendable () async -> Void)?
  }
  private let state = Mutex(State())

  var calls: [Call] { state.withLock(\.calls) }

  func serve(_ bundle: SPIFFE.Bundle) { state.withLock { $0.answers[bundle.trustDomain] = .success(bundle) } }
  func fail(_ domain: TrustDomain, _ text: String, _ code: FederationError.Code = .unreachable) {
    state.withLock { $0.answers[domain] = .failure(FederationError(code, text)) }
  }
  /// Runs while a fetch is under way.
  func during(_ body: (@Sendable () async -> Void)?) { state.withLock { $0.during = body } }

  func fetch(
    _ relationship: FederationRelationship, authorities bundle: SPIFFE.Bundle?
  ) async throws(FederationError) -> SPIFFE.Bundle {
    let (answer, during) = state.withLock {
      $0.calls.append(Call(relationship: relationship, authorities: bundle))
      return ($0.answers[relationship.trustDomain], $0.during)
    }
    await during?()
    guard let answer else { throw FederationError(.unreachable, "failed to fetch bundle: nobody is there") }
    return try answer.get()
  }
}
