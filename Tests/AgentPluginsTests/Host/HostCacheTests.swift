import Foundation
import Glibc
import Synchronization
import Testing

@testable import AgentPlugins

/// What is kept of digests and account names, and when it is not.
@Suite struct HostCacheTests {
  private func withFile(_ body: (String) throws -> Void) throws {
    // Not under a mount that the cache distrusts, as far as the host allows.
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("digest-\(UUID().uuidString)").path
    try Data("one".utf8).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    try body(path)
  }

  private func stamp(_ path: String) -> DigestCache.Stamp? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(fd) }
    return DigestCache.Stamp(fd)
  }

  @Test func freshlyWrittenFileIsNotKept() throws {
    try withFile { path in
      let cache = DigestCache()
      #expect(stamp(path) == nil)
      let first = try HostFile.sha256(path, limit: 0, cache: cache)
      #expect(cache.count == 0)
      try Data("two".utf8).write(to: URL(fileURLWithPath: path))
      #expect(try HostFile.sha256(path, limit: 0, cache: cache) != first)
    }
  }

  @Test func pseudoFilesAreNotKept() throws {
    let cache = DigestCache()
    _ = try HostFile.sha256("/proc/self/status", limit: 0, cache: cache)
    #expect(cache.count == 0)
  }

  @Test func restingFileIsKeptAndTheSizeLimitHoldsAllTheSame() throws {
    let path = "/bin/cat"
    // On a file system that is not on the list nothing is kept, which is right but shows nothing.
    guard stamp(path) != nil else { return }
    let cache = DigestCache()
    let digest = try HostFile.sha256(path, limit: 0, cache: cache)
    #expect(cache.count == 1)
    #expect(try HostFile.sha256(path, limit: 0) == digest)
    let kept = try #require(stamp(path))
    cache.keep("from the cache", of: kept)
    #expect(try HostFile.sha256(path, limit: 0, cache: cache) == "from the cache")
    #expect(throws: HostFile.SizeLimitExceeded.self) { try HostFile.sha256(path, limit: 64, cache: cache) }
  }

  @Test func digestsBeyondTheLimitAreGivenUpByAge() {
    let cache = DigestCache(limit: 2)
    let stamps = (0..<3).map { DigestCache.Stamp(device: 1, inode: UInt64($0), size: 1, modified: 1, changed: 1) }
    cache.keep("0", of: stamps[0])
    cache.keep("1", of: stamps[1])
    _ = cache.digest(of: stamps[0])
    cache.keep("2", of: stamps[2])
    #expect(cache.digest(of: stamps[0]) == "0")
    #expect(cache.digest(of: stamps[1]) == nil)
    #expect(cache.count == 2)
  }

  @Test func namesAreKnownUntilTheFilesChangeOrTheTimeIsOver() throws {
    try withFile { path in
      let time = Mutex(ContinuousClock.now)
      let cache = AccountNameCache(paths: [path], now: { time.withLock { $0 } })
      let status = try ProcessStatus(
        parsing: Array("Uid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t0 54399\n".utf8))
      #expect(cache.known(status) == nil)
      let names = cache.lookUp(status)
      #expect(names.user == "root" && names.group == "root")
      // A group without a name is known to have none.
      #expect(cache.known(status)?.supplementary == ["root", nil])
      time.withLock { $0 = $0.advanced(by: AccountNameCache.lifetime + .milliseconds(1)) }
      #expect(cache.known(status) == nil)
      _ = cache.lookUp(status)
      #expect(cache.known(status) != nil)
      try Data("an account more".utf8).write(to: URL(fileURLWithPath: path))
      #expect(cache.known(status) == nil)
    }
  }
}
