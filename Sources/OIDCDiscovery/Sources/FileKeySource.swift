import Daemon
import Keys
import SPIFFE

/// Keys from a bundle document (`file`), read again at each poll.
struct FileKeySource: KeySource {
  let path: String

  func keys() async throws -> [JWTAuthority] {
    let path = path
    return try await BackgroundWork.run { try Self.read(path) }
  }

  private static func read(_ path: String) throws(OIDCError) -> [JWTAuthority] {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: BundleDocument.maximumSize) } catch {
      throw OIDCError(.source, "\(error)", cause: error)
    }
    guard let bytes = read else { throw OIDCError(.source, "open \(path): no such file or directory") }
    do {
      // The document does not say whose it is, and for its keys it does not matter.
      let bundle = try BundleDocument.decode(bytes, trustDomain: try TrustDomain("bundle.file"), reading: .standard)
      return bundle.jwtAuthorities
    } catch {
      throw OIDCError(.malformed, "\(path): \(error)", cause: error)
    }
  }
}
