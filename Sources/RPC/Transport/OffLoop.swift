import NIOPosix

/// Runs work that would hold up an event loop for more than a millisecond on a thread of its own: files, RSA and P-384
/// keys, anything that waits in a system call.
///
/// The task of a call runs on its connection's event loop; while it blocks, no other connection of that loop is served.
///
/// ```swift
/// let key = try await offLoop { try PrivateKey.generate(.rsa4096) }
/// ```
package func offLoop<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await NIOThreadPool.singleton.runIfActive(body)
}
