import Testing

@testable import RPC

@Suite struct StateDigestTests {
  private func hex(_ digest: StateDigest) -> String {
    digest.bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// Made with Python: sums of `struct.unpack(">4Q", sha256(id + b"\0" + struct.pack(">qq", revision, created)).digest())`.
  @Test func isWhatTheProtocolSays() {
    var digest = StateDigest()
    #expect(hex(digest) == String(repeating: "0", count: 64))
    digest.add(id: "one", revision: 3, createdAt: 1_700_000_000)
    #expect(hex(digest) == "8e915cc52179f23a5b4574bcf941cd21ea743ee04d6a67b63d7f6dbed0e8a0c5")
    digest.add(id: "two", revision: -1, createdAt: 0)
    #expect(hex(digest) == "ab41a7d6979d17992646895d8934aa2d8708a856fc1df89ce597b5325ea25476")
  }

  @Test func orderDoesNotCountAndContentDoes() {
    var (a, b, c) = (StateDigest(), StateDigest(), StateDigest())
    a.add(id: "x", revision: 1, createdAt: 1)
    a.add(id: "y", revision: 2, createdAt: 2)
    b.add(id: "y", revision: 2, createdAt: 2)
    b.add(id: "x", revision: 1, createdAt: 1)
    c.add(id: "x", revision: 2, createdAt: 1)
    c.add(id: "y", revision: 1, createdAt: 2)
    #expect(a == b && a.bytes == b.bytes)
    #expect(a != c && a.bytes != c.bytes)
  }
}
