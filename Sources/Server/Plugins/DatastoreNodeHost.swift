import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIFFE
import ServerPlugins

/// Answers what node attestors ask the server, out of the datastore. A value; made by the runtime.
struct DatastoreNodeHost: NodeAttestorHost {
  let trustDomain: TrustDomain
  let datastore: any Datastore
  let time: any TimeSource

  var now: Date { time.now }

  func ownBundle() async throws -> Bundle {
    guard let bundle = try await datastore.fetchBundle(of: trustDomain) else {
      throw ServerPluginError(.failedPrecondition, "the server has no bundle yet")
    }
    return bundle
  }

  func isKnown(_ agent: SPIFFEID) async throws -> Bool { try await datastore.fetchAgent(id: agent) != nil }
}

/// The host of plugins that are only asked what they think of their configuration.
struct AbsentNodeHost: NodeAttestorHost {
  struct Absent: Error, CustomStringConvertible { let description = "the server does not run" }

  let trustDomain: TrustDomain
  let now: Date

  func ownBundle() async throws -> Bundle { throw Absent() }
  func isKnown(_ agent: SPIFFEID) async throws -> Bool { throw Absent() }
}
