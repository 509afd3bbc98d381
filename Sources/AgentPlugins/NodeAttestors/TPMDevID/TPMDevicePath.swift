import Glibc

/// Finds the machine's TPM where the kernel shows it.
enum TPMDevicePath {
  /// The one device in `folder`: that of the kernel's resource manager before the bare one.
  static func detect(in folder: String) throws(TPMFault) -> String {
    guard let directory = opendir(folder) else {
      throw TPMFault("open \(folder): \(String(cString: strerror(errno)).lowercased())")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    for kind in ["tpmrm", "tpm"] {
      let found = names.filter { isDevice($0, kind) }
      guard found.count <= 1 else { throw TPMFault("more than one possible TPM device was found") }
      if let name = found.first { return folder + "/" + name }
    }
    throw TPMFault("not found")
  }

  /// Whether the name is, or ends with, `kind` and a number.
  private static func isDevice(_ name: String, _ kind: String) -> Bool {
    let stem = name.utf8.reversed().drop { (0x30...0x39).contains($0) }
    return stem.count < name.utf8.count && stem.starts(with: kind.utf8.reversed())
  }
}
