import Programs

/// One run of a credential plugin. Blocks its caller; on ``ExecPlugins``' queue only. A value.
struct ExecProcess {
  typealias Bounds = BoundedProgram.Bounds

  /// Why there is no output, and what the plugin said on its standard error, which is for the operator's log only.
  struct Failure: Error, CustomStringConvertible {
    let description: String
    let remarks: String
  }

  let execution: ExecPlugin.Execution
  let environment: [String: String]
  let bounds: Bounds

  /// What the plugin printed, once it has ended well.
  func run() throws(Failure) -> [UInt8] {
    let plugin = execution.plugin
    var variables = environment
    for variable in plugin.variables { variables[variable.name] = variable.value }
    variables["KUBERNETES_EXEC_INFO"] = execution.information
    // It is looked for where this process looks for programs, whatever the plugin's own environment says.
    let program = BoundedProgram(plugin.command, plugin.arguments, environment: variables, bounds: bounds)
    do { return try program.run(searching: environment["PATH"]) } catch { throw failure(error) }
  }

  private func failure(_ error: BoundedProgram.Failure) -> Failure {
    let shown = OutsideText.line(execution.plugin.command.utf8.prefix(256))
    var text = "exec: executable \(shown) \(error)"
    switch error.reason {
    case .notFound, .notExecutable:
      let hint = execution.plugin.installHint
      if !hint.isEmpty { text += "; " + OutsideText.line(hint.utf8.prefix(1024)) }
    case .notStarted(let why): text = "exec: \(shown): \(why)"
    default: break
    }
    return Failure(description: text, remarks: OutsideText.line(error.remarks))
  }
}
