import Authority
import ServerPlugins

/// Turns what a plugin threw into the error that callers see: the plugin's code, its text behind type and name
/// (server-plugins §1).
enum PluginFailure {
  static func error(_ error: any Error, type: String, name: String) -> AuthorityError {
    let code: AuthorityError.Code
    let message: String
    switch error {
    case let error as ServerPluginError:
      code = AuthorityError.Code(rawValue: error.code.rawValue) ?? .internal
      message = error.message
    case let error as AuthorityError:
      code = error.code
      message = error.message
    default:
      code = .internal
      message = "\(error)"
    }
    return AuthorityError(code, ServerPluginError.text(message, type: type, name: name), cause: error)
  }
}
