package import GRPCCore
import RPC

/// A call that a daemon refused or that did not reach it. The text is the one that gRPC for Go gives.
package struct CallFailure: Error, Equatable, CustomStringConvertible {
  package let code: RPCError.Code
  package let message: String

  package init(code: RPCError.Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "rpc error: code = \(code.name) desc = \(message)" }

  package static func == (a: CallFailure, b: CallFailure) -> Bool { a.code == b.code }
}

/// The name of the gRPC status `number`, as the items of a batch answer carry it: `AlreadyExists`.
package func statusName(_ number: Int32) -> String {
  if number == 0 { return "OK" }
  return RPCError.Code(number: number)?.name ?? "Code(\(number))"
}
