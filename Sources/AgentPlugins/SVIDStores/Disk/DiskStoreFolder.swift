import Daemon
import FoundationEssentials
import Glibc
import SVIDFiles

/// One entry's folder in the file system. Made for one operation; blocks.
///
/// The folders on the way are the agent's own and opened one by one without following links, so that nobody who may
/// write somewhere below the base folder leads the agent out of it.
struct DiskStoreFolder {
  private let configuration: DiskStoreConfiguration
  private let place: DiskStorePlace

  init(_ configuration: DiskStoreConfiguration, _ place: DiskStorePlace) {
    self.configuration = configuration
    self.place = place
  }

  /// Refuses a base folder that is not there or that everybody may change.
  static func check(_ base: String) throws(AgentPluginError) {
    let folder: FileStatus
    do { folder = try FileStatus(base) } catch {
      let failure = HostFile.Failure(path: base, number: error.errno)
      throw AgentPluginError(.invalidArgument, "svidstore(disk): base_dir \(failure)")
    }
    guard folder.kind == .folder else {
      throw AgentPluginError(.invalidArgument, "svidstore(disk): base_dir \(base): not a directory")
    }
    guard folder.permissions & S_IWOTH == 0 else {
      throw AgentPluginError(
        .invalidArgument, "svidstore(disk): base_dir \(base): everybody may write to it; chmod o-w")
    }
  }

  func write(_ svid: X509Material, at now: Date) throws(AgentPluginError) {
    let owner = try DiskStoreOwner.resolve(
      user: place.user.isEmpty ? configuration.user : place.user,
      group: place.group.isEmpty ? configuration.group : place.group)
    do throws(SVIDFileError) {
      var files = try configuration.plan.files(for: svid, at: now)
      if !configuration.jsonFile.isEmpty {
        files.append(
          PlannedFile(
            name: configuration.jsonFile, bytes: SecretDocument.encode(svid), mode: configuration.jsonMode))
      }
      var folder = try OutputFolder.open(configuration.baseDirectory)
      for name in place.folders { folder = try folder.child(name, mode: configuration.directoryMode) }
      try folder.switchSet(files, owner: owner, folderMode: configuration.directoryMode)
    } catch { throw Self.wrapped(error) }
  }

  /// Removes the files, and the folder when nothing else is in it; whether there was anything.
  func remove() throws(AgentPluginError) -> Bool {
    do throws(SVIDFileError) {
      var folder = try OutputFolder.open(configuration.baseDirectory)
      var parent = folder
      for name in place.folders {
        guard folder.contains(name) else { return false }
        parent = folder
        folder = try folder.child(name)
      }
      // A folder that somebody else made ready is not ours to remove.
      guard try folder.removeSet() else { return false }
      if let last = place.folders.last { try parent.removeFolder(last) }
      return true
    } catch { throw Self.wrapped(error) }
  }

  private static func wrapped(_ error: SVIDFileError) -> AgentPluginError {
    AgentPluginError(
      error.code == .occupied ? .failedPrecondition : .internalError, "svidstore(disk): \(error)", cause: error)
  }
}
