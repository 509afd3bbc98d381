import Authority
import Daemon
import FoundationEssentials
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension RotationAPI {
  package typealias Response = Swiftspire_Server_Rotation_V1_GetRotationResponse

  package func getRotation(
    request: Swiftspire_Server_Rotation_V1_GetRotationRequest, context: ServerContext
  ) async throws -> Response {
    let call = try APICall(context)
    let kind = try Self.kind(request.kind, call)
    let local = LocalAuthorityAPI(server)
    let state = try await local.perform(call) { try await server.caManager.rotation(kind) }
    var response = Response()
    response.now = Int64(server.time.now.timeIntervalSince1970)
    response.active = state.authorities.active.api
    response.rotatingFrom = state.rotatingFrom ?? ""
    response.hasUpstream_p = state.hasUpstream
    if let prepared = state.authorities.prepared {
      response.prepared = prepared.api
      response.preparedKnown = await server.rollCall.ask(.init(kind, state.preparedRoots, .known)).api
    }
    if let old = state.authorities.old {
      response.old = old.api
      response.oldLastUse = server.lastUse(of: state, kind)
      try await describeOld(state, kind, &response, call)
    }
    return response
  }

  private func describeOld(
    _ state: RotationState, _ kind: AuthorityKind, _ response: inout Response, _ call: APICall
  ) async throws {
    let contents: BundleContents?
    do { contents = try await server.bundles.bundle(of: server.trustDomain).map { BundleContents($0) } } catch {
      throw call.failure(.internalError, "failed to fetch bundle", error)
    }
    response.serverSvidReplaced =
      kind == .jwt || server.serverSVID.current.authorityID != state.authorities.old?.authorityID
    response.oldListed = contents?.says(.init(kind, state.oldRoots, .known)) ?? false
    guard let root = state.oldRoot else { return }
    response.oldRoot = root
    response.oldListed = contents?.says(.init(kind, [root], .known)) ?? false
    response.oldTainted = response.oldListed && contents?.says(.init(kind, [root], .tainted)) == true
    if response.hasUpstream_p, kind == .x509 {
      let local = LocalAuthorityAPI(server)
      response.oldRootUsers = try await local.perform(call) {
        try await server.caManager.serversBelow(root: root)
      }
    }
    guard response.oldTainted else { return }
    response.oldTaintedKnown = await server.rollCall.ask(.init(kind, [root], .tainted)).api
    if kind == .x509 {
      response.oldReplaced = await server.rollCall.ask(.init(kind, [root], .replaced)).api
    }
  }
}
