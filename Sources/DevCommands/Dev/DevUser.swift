import Glibc

/// The user who runs `spire dev`, as the kernel knows them.
struct DevUser: Sendable {
  let uid: uid_t
  /// The login name where it fits into a SPIFFE ID's path, else `uid-<n>`.
  let pathSegment: String

  static var current: DevUser {
    let uid = getuid()
    var entry = passwd()
    var result: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    let found = getpwuid_r(uid, &entry, &buffer, buffer.count, &result) == 0 && result != nil
    let name = found ? String(cString: entry.pw_name) : ""
    let fits =
      !name.isEmpty && name != "." && name != ".."
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
    return DevUser(uid: uid, pathSegment: fits ? name : "uid-\(uid)")
  }
}
