import NIOEmbedded
import SPIFFE
import Testing

@testable import RPC

/// How connections and calls are shared among those who make them.
@Suite struct ConnectionRegistryTests {
  typealias Owner = ConnectionRegistry.Owner

  /// Adds a connection; `nil` if there was room.
  private func add(_ registry: ConnectionRegistry, _ id: UInt64, _ owner: Owner?) -> ConnectionRegistry.Refusal? {
    do {
      _ = try registry.add(EmbeddedChannel(), id: id, owner: owner)
      return nil
    } catch { return error }
  }

  @Test func anOwnerMayHaveAsManyConnectionsAsAreFree() {
    let registry = ConnectionRegistry(most: 12)
    let (one, two, three) = (Owner.user(1), Owner.user(2), Owner.address("192.0.2.1"))
    for id: UInt64 in 1...6 { #expect(add(registry, id, one) == nil) }
    #expect(add(registry, 7, one) == .tooManyOf(one))
    for id: UInt64 in 11...13 { #expect(add(registry, id, two) == nil) }
    #expect(add(registry, 14, two) == .tooManyOf(two))
    for id: UInt64 in 21...22 { #expect(add(registry, id, three) == nil) }
    #expect(add(registry, 23, three) == .tooManyOf(three))
    // The next one still finds room.
    #expect(add(registry, 31, .user(4)) == nil)
    #expect(add(registry, 32, nil) == .tooMany && registry.count == 12)
    registry.remove(31)
    #expect(add(registry, 33, nil) == nil)
    // What was given back is there for all.
    for id: UInt64 in 1...6 { registry.remove(id) }
    #expect(add(registry, 41, one) == nil)
  }

  @Test func anAddressHasABoundOfItsOwn() {
    let registry = ConnectionRegistry(most: 100, mostOfAddress: 3)
    for id: UInt64 in 1...3 { #expect(add(registry, id, .address("192.0.2.1")) == nil) }
    #expect(add(registry, 4, .address("192.0.2.1")) == .tooManyOf(.address("192.0.2.1")))
    #expect(add(registry, 5, .address("192.0.2.2")) == nil)
    for id: UInt64 in 11...20 { #expect(add(registry, id, .user(1)) == nil) }
    // Who shows a certificate makes room for the next one.
    registry.release(1)
    #expect(add(registry, 6, .address("192.0.2.1")) == nil)
  }

  @Test func whoHasShownACertificateCountsNoLonger() {
    let registry = ConnectionRegistry(most: 4)
    let owner = Owner.address("192.0.2.1")
    for id: UInt64 in 1...2 { #expect(add(registry, id, owner) == nil) }
    #expect(add(registry, 3, owner) == .tooManyOf(owner))
    registry.release(1)
    registry.release(1)
    #expect(add(registry, 3, owner) == nil)
    registry.remove(1)
    registry.remove(2)
    registry.remove(3)
    #expect(registry.count == 0 && add(registry, 4, owner) == nil)
  }

  @Test func nobodyIsAddedAtTheEnd() {
    let registry = ConnectionRegistry(most: 4)
    registry.drain()
    #expect(add(registry, 1, nil) == .stopping)
  }

  @Test func aUserMayHaveAsManyCallsAsAreFree() throws {
    let registry = ConnectionRegistry(most: 100, calls: CallRoom(calls: 12))
    let first = try registry.add(EmbeddedChannel(), id: 1, owner: .user(1))
    let again = try registry.add(EmbeddedChannel(), id: 2, owner: .user(1))
    let other = try registry.add(EmbeddedChannel(), id: 3, owner: .user(2))
    func taken(_ share: CallShare) -> Int { (0..<20).count { _ in share.take() } }
    #expect(taken(first) == 6 && taken(again) == 0)
    #expect(taken(other) == 3)
    first.giveBack(6)
    #expect(taken(again) == 5)
    // A share that was never used finds room until there is none at all.
    let late = try (4..<20).map { try registry.add(EmbeddedChannel(), id: UInt64($0), owner: .user(UInt32($0))) }
    #expect(late.map(taken).reduce(0, +) == 4)
  }

  @Test func ownersAreUsersAddressesAndNetworks() {
    func owner(_ ip: String) -> Owner? { Owner(.anonymous(PeerAddress(ip: ip, port: 1))) }
    #expect(owner("192.0.2.1") == .address("192.0.2.1") && owner("") == nil)
    #expect(owner("2001:db8::1") == owner("2001:db8::ffff:1"))
    #expect(owner("2001:db8::1") != owner("2001:db8:0:1::1"))
    #expect(owner("::ffff:192.0.2.1") != owner("::ffff:192.0.2.2"))
    let process = ProcessHandle(connectedTo: -1, pid: 0)
    #expect(Owner(.local(LocalPeer(pid: 0, uid: 7, gid: 8, process: process))) == .user(7))
  }

  @Test func descriptorsBoundConnections() {
    let tcp = ListeningSocket.Address.tcp(PeerAddress(ip: "127.0.0.1", port: 1))
    #expect(DescriptorLimit.connections(on: .unix(path: "/x"), fifths: 3, limit: 1000) == 300)
    #expect(DescriptorLimit.connections(on: tcp, fifths: 3, limit: 1000) == 600)
    #expect(DescriptorLimit.connections(on: tcp, fifths: 1, limit: 1000) == 200)
    #expect(DescriptorLimit.connections(on: tcp, fifths: 3, limit: 0) == 8)
    #expect(DescriptorLimit.connections(on: tcp, fifths: 3, limit: .max) > 1_000_000)
    #expect(DescriptorLimit.connections(on: tcp, fifths: 3) >= 8)
  }
}
