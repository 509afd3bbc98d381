import Glibc

/// Names of users and groups of the host. Lookups may ask the network (NSS), so they run on a ``BackgroundQueue``.
enum AccountNames {
  /// The name of the user, or nil when the host does not know it.
  static func user(_ uid: UInt32) -> String? {
    lookUp(sysconf(Int32(_SC_GETPW_R_SIZE_MAX))) { buffer in
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      let number = getpwuid_r(uid, &entry, &buffer, buffer.count, &found)
      return (number, found.flatMap { $0.pointee.pw_name.map { String(cString: $0) } })
    }
  }

  /// The name of the group, or nil when the host does not know it.
  static func group(_ gid: UInt32) -> String? {
    lookUp(sysconf(Int32(_SC_GETGR_R_SIZE_MAX))) { buffer in
      var entry = Glibc.group()
      var found: UnsafeMutablePointer<Glibc.group>?
      let number = getgrgid_r(gid, &entry, &buffer, buffer.count, &found)
      return (number, found.flatMap { $0.pointee.gr_name.map { String(cString: $0) } })
    }
  }

  /// The number of the user, or nil when the host does not know the name.
  static func userID(_ name: String) -> UInt32? {
    lookUp(sysconf(Int32(_SC_GETPW_R_SIZE_MAX))) { buffer in
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      let number = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
      return (number, found?.pointee.pw_uid)
    }
  }

  /// The number of the group, or nil when the host does not know the name.
  static func groupID(_ name: String) -> UInt32? {
    lookUp(sysconf(Int32(_SC_GETGR_R_SIZE_MAX))) { buffer in
      var entry = Glibc.group()
      var found: UnsafeMutablePointer<Glibc.group>?
      let number = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
      return (number, found?.pointee.gr_gid)
    }
  }

  /// Calls `body` with a buffer that grows while the C library finds it too small, at most to 1 MiB (a group's member
  /// list).
  private static func lookUp<Found>(
    _ hint: Int, _ body: (inout [CChar]) -> (Int32, Found?)
  ) -> Found? {
    var size = max(1024, min(hint, 1 << 16))
    while size <= 1 << 20 {
      var buffer = [CChar](repeating: 0, count: size)
      let (number, name) = body(&buffer)
      if number == ERANGE {
        size *= 4
      } else if number != EINTR {
        return name
      }
    }
    return nil
  }
}
