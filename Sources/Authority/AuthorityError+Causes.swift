import DatastoreAPI
import Keys

extension AuthorityError {
  /// The failure of preparing an authority, with the code of what caused it.
  init(preparing what: String, _ cause: any Error) {
    self = AuthorityError(cause).prefixed("unable to prepare \(what): ")
  }

  /// Any error of the parts below, with its code and text.
  init(_ error: any Error) {
    switch error {
    case let error as AuthorityError: self = error
    case let error as DatastoreError:
      self = AuthorityError(Code(rawValue: error.statusName) ?? .internal, error.message, cause: error)
    case let error as KeysError:
      self = AuthorityError(Code(rawValue: error.statusName) ?? .internal, error.message, cause: error)
    default: self = AuthorityError(.internal, "\(error)", cause: error)
    }
  }
}
