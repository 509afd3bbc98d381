/// A file that is to be: its name below a folder, what it holds, and who may do what with it. A value.
package struct PlannedFile: Hashable, Sendable {
  package let name: String
  package let bytes: [UInt8]
  package let mode: UInt32

  package init(name: String, bytes: [UInt8], mode: UInt32) {
    self.name = name
    self.bytes = bytes
    self.mode = mode
  }
}

/// Whose the files are; nil leaves them to whoever writes them. A value.
package struct FileOwner: Hashable, Sendable {
  package var user: UInt32?
  package var group: UInt32?

  package init(user: UInt32? = nil, group: UInt32? = nil) {
    self.user = user
    self.group = group
  }
}
