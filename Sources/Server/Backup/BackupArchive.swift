import Daemon

/// The file that `backup` writes: an uncompressed tar archive of `manifest.json`, `datastore.sqlite3` and, with the
/// keys, `keys.json`. Any `tar` lists and unpacks it. Used by one command at a time; blocking.
struct BackupArchive {
  static let manifestName = "manifest.json"
  static let databaseName = "datastore.sqlite3"
  static let keysName = "keys.json"
  /// A backup has three; other programs may add notes of their own.
  private static let memberLimit = 32

  /// Where a member's content is in the file.
  struct Member: Hashable, Sendable {
    var offset: Int64
    var size: Int64
  }

  private let file: DiskFile
  private let members: [String: Member]

  /// Reads where everything is.
  init(reading path: String) throws {
    file = try DiskFile(reading: path)
    var members: [String: Member] = [:]
    var offset: Int64 = 0
    let end = try file.size()
    var count = 0
    while offset < end {
      guard let header = try TarHeader(block: try file.read(TarHeader.blockSize, at: offset)) else { break }
      count += 1
      guard count <= Self.memberLimit else { throw TarError.tooManyMembers }
      offset += Int64(TarHeader.blockSize)
      guard header.size <= end - offset else { throw TarError.truncated }
      if header.kind == .file { members[header.name] = Member(offset: offset, size: header.size) }
      offset += header.size + Int64(header.padding)
    }
    self.members = members
  }

  func contains(_ name: String) -> Bool { members[name] != nil }

  /// The content of a small member.
  func bytes(_ name: String, limit: Int) throws -> [UInt8] {
    guard let member = members[name] else { throw ServerError(.badBackup, "it has no \(name)") }
    guard member.size <= Int64(limit) else { throw ServerError(.badBackup, "\(name) is larger than \(limit) bytes") }
    return try file.read(Int(member.size), at: member.offset)
  }

  /// Copies a member into a new file for its owner alone, and makes sure that it is what the manifest says.
  func extract(_ name: String, _ expected: BackupManifest.Content, to path: String) throws {
    guard let member = members[name] else { throw ServerError(.badBackup, "it has no \(name)") }
    let target = try DiskFile(creating: path)
    let digest = try file.forEachPiece(from: member.offset, size: member.size) { (piece) throws(FileError) in
      try target.write(piece)
    }
    guard member.size == expected.size, digest == expected.sha256 else {
      throw ServerError(.badBackup, "\(name) is not what the manifest says (SHA-256 \(digest)); the file is damaged")
    }
    try target.sync()
  }

  /// Writes an archive to `path`, which is made anew.
  static func write(
    _ path: String, manifest: [UInt8], database: DiskFile, keys: [UInt8]?, modifiedAt: Int64
  ) throws {
    let archive = try DiskFile(creating: path)
    func small(_ name: String, _ bytes: [UInt8]) throws {
      let header = TarHeader(name: name, size: Int64(bytes.count), modifiedAt: modifiedAt)
      try archive.write(header.block + bytes + [UInt8](repeating: 0, count: header.padding))
    }
    try small(manifestName, manifest)
    let header = TarHeader(name: databaseName, size: try database.size(), modifiedAt: modifiedAt)
    try archive.write(header.block)
    _ = try database.forEachPiece(from: 0, size: header.size) { (piece) throws(FileError) in try archive.write(piece) }
    try archive.write([UInt8](repeating: 0, count: header.padding))
    if let keys { try small(keysName, keys) }
    try archive.write([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
    try archive.sync()
  }
}
