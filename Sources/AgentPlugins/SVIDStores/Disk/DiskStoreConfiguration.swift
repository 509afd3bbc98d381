import Daemon
import HCL
package import Plugins
package import SVIDFiles

/// The settings of the SVID store `disk` (docs/plugins/svidstore-disk.md). A value; the names are spiffe-helper's.
package struct DiskStoreConfiguration: Hashable, Sendable {
  /// `base_dir`: every entry's folder is below it.
  package var baseDirectory = ""
  /// The names, the modes and the rules of the PEM files.
  package var plan = X509FilePlan(
    certificateFile: "svid.pem", keyFile: "svid_key.pem", bundleFile: "svid_bundle.pem")
  /// `json_file_name`: the name of the JSON document; empty for none.
  package var jsonFile = ""
  package var jsonMode: UInt32 = 0o600
  /// `dir_mode`: of folders that the store makes.
  package var directoryMode: UInt32 = 0o755
  /// `user`, `group`: whose the files are, by name or number; empty: the agent's.
  package var user = ""
  package var group = ""
  /// `cmd`, `cmd_args`: a program that is run after each change.
  package var command = ""
  package var commandArguments: [String] = []
  /// `pid_file_name`, `renew_signal`: a process that is signalled after each change.
  package var pidFile = ""
  package var signal: Int32?

  package init(baseDirectory: String) { self.baseDirectory = baseDirectory }
}

extension DiskStoreConfiguration {
  /// Reads `plugin_data`; keys that nobody knows are refused.
  package init(_ data: PluginData) throws(AgentPluginError) {
    self.init(baseDirectory: "")
    do {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      try read(&root)
      root.reportUnknownKeys(as: "plugin_data")
      try decoding.finish()
      if let unknown = decoding.unknownKeys.first {
        throw SVIDFileError(.configuration, "unknown key(s): \(unknown.keys.joined(separator: ","))")
      }
      try check()
    } catch {
      throw AgentPluginError(
        .invalidArgument, "svidstore(disk): unable to decode configuration: \(error)", cause: error)
    }
  }

  private mutating func read(_ root: inout HCLSection) throws {
    baseDirectory = root.string("base_dir") ?? ""
    plan.certificateFile = root.string("svid_file_name") ?? plan.certificateFile
    plan.keyFile = root.string("svid_key_file_name") ?? plan.keyFile
    plan.bundleFile = root.string("svid_bundle_file_name") ?? plan.bundleFile
    jsonFile = root.string("json_file_name") ?? ""
    plan.addsIntermediatesToBundle = root.bool("add_intermediates_to_bundle") ?? false
    plan.includesFederatedDomains = root.bool("include_federated_domains") ?? false
    plan.omitsExpired = root.bool("omit_expired") ?? false
    plan.certificateMode = try FileMode.checked(root.int("cert_file_mode"), default: 0o644, name: "cert_file_mode")
    plan.keyMode = try FileMode.checked(root.int("key_file_mode"), default: 0o600, name: "key_file_mode")
    jsonMode = try FileMode.checked(root.int("json_file_mode"), default: 0o600, name: "json_file_mode")
    directoryMode = try FileMode.checked(root.int("dir_mode"), default: 0o755, name: "dir_mode")
    user = root.string("user") ?? ""
    group = root.string("group") ?? ""
    command = root.string("cmd") ?? ""
    commandArguments = try CommandArguments.split(root.string("cmd_args") ?? "")
    pidFile = root.string("pid_file_name") ?? ""
    signal = try root.string("renew_signal").flatMap { $0.isEmpty ? nil : $0 }.map { try SignalName.number($0) }
  }

  private func check() throws(SVIDFileError) {
    func refuse(_ message: String) -> SVIDFileError { SVIDFileError(.configuration, message) }
    guard baseDirectory.hasPrefix("/"), !baseDirectory.utf8.contains(0) else {
      throw refuse("base_dir must be the absolute path of a folder")
    }
    for (key, mode) in [
      ("cert_file_mode", plan.certificateMode), ("key_file_mode", plan.keyMode), ("json_file_mode", jsonMode),
    ] where FileMode.looksDecimal(mode) {
      throw refuse("\(key) is \(FileMode.text(mode)): octal numbers begin with 0, such as 0644")
    }
    let names = fileNames
    for name in names where !Self.isPlainName(name) {
      throw refuse("\"\(name)\" is no plain file name (no slash, not hidden)")
    }
    guard Set(names).count == names.count else { throw refuse("the file names must differ") }
    if !command.isEmpty, !command.hasPrefix("/") { throw refuse("cmd must be the absolute path of a program") }
    if command.isEmpty, !commandArguments.isEmpty { throw refuse("cmd_args is set but cmd is not") }
    if !pidFile.isEmpty, !pidFile.hasPrefix("/") { throw refuse("pid_file_name must be an absolute path") }
    if pidFile.isEmpty != (signal == nil) {
      throw refuse(
        pidFile.isEmpty
          ? "must specify pid_file_name when using renew_signal" : "must specify renew_signal when using pid_file_name")
    }
  }

  /// The names of the files of an entry.
  private var fileNames: [String] {
    [plan.certificateFile, plan.keyFile, plan.bundleFile] + (jsonFile.isEmpty ? [] : [jsonFile])
  }

  /// Whether a name is one component of a path that is nobody else's: not hidden, without control characters.
  static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 200 && name.utf8.first != UInt8(ascii: ".")
      && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
  }
}
