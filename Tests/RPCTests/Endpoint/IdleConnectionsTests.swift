import NIOCore
import NIOEmbedded
import Testing

@testable import RPC

/// Which connection has to go when too many keep the endpoint waiting.
@Suite struct IdleConnectionsTests {
  private let one = ConnectionRegistry.Owner.address("192.0.2.1")
  private let two = ConnectionRegistry.Owner.address("192.0.2.2")

  @Test func anAddressLosesItsOldest() {
    var idle = IdleConnections(most: 100, mostOfOwner: 3)
    let first = (UInt64(1)...5).map { idle.add($0, of: one) }
    #expect(first == [[], [], [], [1], [2]])
    let other = (UInt64(11)...13).map { idle.add($0, of: two) }
    #expect(other == [[], [], []] && idle.count == 6)
    // One that goes on counts no longer; when it stalls it stands at the end.
    idle.remove(3)
    let later = [3, 6, 7, 8].map { idle.add($0, of: one) }
    #expect(later == [[], [4], [5], [3]])
    #expect(idle.count == 6)
  }

  @Test func allTogetherLoseTheOldest() {
    var idle = IdleConnections(most: 4, mostOfOwner: 3)
    let lost = [(1, one), (2, two), (3, nil), (4, one), (5, two), (6, nil), (7, nil)].map {
      idle.add(UInt64($0.0), of: $0.1)
    }
    #expect(lost == [[], [], [], [], [1], [2], [3]])
    for id: UInt64 in 1...7 { idle.remove(id) }
    #expect(idle.count == 0)
  }

  @Test func whoComesAndGoesLeavesNothing() {
    var idle = IdleConnections(most: 10, mostOfOwner: 3)
    let held = idle.add(1, of: one)
    #expect(held == [])
    for id in UInt64(2)..<10_000 {
      let lost = idle.add(id, of: one)
      #expect(lost == [])
      idle.remove(id)
    }
    let lost = (UInt64(10_001)...10_003).map { idle.add($0, of: one) }
    #expect(lost == [[], [], [1]])
  }

  private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var heard = 0
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if event is HandshakeAdmission.Surplus { heard += 1 }
    }
  }

  @Test func theRegistryTellsIt() throws {
    let registry = ConnectionRegistry(most: 100, idle: (100, 2))
    let ears = (0..<4).map { _ in Ear() }
    let channels = ears.map { EmbeddedChannel(handler: $0) }
    for (index, channel) in channels.enumerated() {
      _ = try registry.add(channel, id: UInt64(index), owner: one)
      registry.setIdle(UInt64(index), true)
    }
    #expect(ears.map(\.heard) == [1, 1, 0, 0])
    #expect(registry.idleCount == 2)
    registry.setIdle(2, false)
    registry.remove(3)
    #expect(registry.idleCount == 0 && registry.count == 3)
    // Nothing of what is closed comes back.
    registry.setIdle(3, true)
    #expect(registry.idleCount == 0)
  }
}
