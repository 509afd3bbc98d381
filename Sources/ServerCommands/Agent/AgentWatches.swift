import Console
import GRPCCore
import SPIREProtos
import SwiftProtobuf

/// How up to date the agents are that the server tells of changes at once.
///
/// Upstream's servers know nothing of it: then nothing is shown, and no command fails because of it.
enum AgentWatches {
  typealias Watch = Swiftspire_Server_Watch_V1_AgentWatch

  /// The watch streams by agent: of these agents only, or of all.
  static func fetch(of agents: [Spire_Api_Types_SPIFFEID] = [], _ server: UnixAPI) async -> [String: Watch] {
    do {
      return try await server.call { client in
        var result: [String: Watch] = [:]
        var token = ""
        repeat {
          let page = try await Swiftspire_Server_Watch_V1_Watch.Client(wrapping: client).listWatches(
            .with {
              $0.agents = agents
              $0.pageToken = token
            })
          for watch in page.watches { result[watch.agent.text] = watch }
          token = page.nextPageToken
        } while !token.isEmpty
        return result
      }
    } catch {
      return [:]
    }
  }

  /// The line's text.
  static func text(_ watch: Watch) -> String {
    let revision = "revision \(watch.appliedRevision) applied"
    return watch.lagMs > 0 ? "\(revision), behind for \(watch.lagMs) ms" : "\(revision), up to date"
  }
}
