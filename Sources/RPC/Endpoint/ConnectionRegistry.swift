import CPeer
import GRPCCore
import NIOCore
import Synchronization

/// The open connections of an endpoint, found by the name that their tagged channel goes by.
///
/// Connections are added and removed on their event loops and looked up by calls.
final class ConnectionRegistry: Sendable {
  private static let nextID = Atomic<UInt64>(1)
  private let state = Mutex<[String: PeerConnection]>([:])

  /// Records `channel`, which has just been accepted. Must run on its event loop, which owns the descriptor.
  func register(_ channel: any Channel, isUnix: Bool) throws -> PeerConnection {
    let id = Self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
    let peer = PeerConnection(id: id, caller: try isUnix ? Self.local(channel) : Self.remote(channel))
    state.withLock { $0[TaggedChannel.name(of: id)] = peer }
    channel.closeFuture.whenComplete { [self] _ in
      _ = state.withLock { $0.removeValue(forKey: TaggedChannel.name(of: id)) }
      peer.cancelVerification()
    }
    return peer
  }

  func connection(named name: String) -> PeerConnection? { state.withLock { $0[name] } }

  var count: Int { state.withLock { $0.count } }

  private static func local(_ channel: any Channel) throws -> Caller {
    let peer = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      socket in
      var pid: pid_t = 0
      var uid: uid_t = 0
      var gid: gid_t = 0
      let error = cpeer_credentials(socket, &pid, &uid, &gid)
      guard error == 0 else { throw IOError(errnoCode: error, reason: "SO_PEERCRED") }
      return LocalPeer(pid: pid, uid: uid, gid: gid, process: ProcessHandle(connectedTo: socket, pid: pid))
    }
    guard let peer else { throw ChannelError.operationUnsupported }
    return .local(peer)
  }

  private static func remote(_ channel: any Channel) -> Caller {
    let address = channel.remoteAddress
    return .anonymous(PeerAddress(ip: address?.ipAddress ?? "", port: address?.port ?? 0))
  }
}
