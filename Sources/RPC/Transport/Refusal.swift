import GRPCCore

/// The transport's own answer to a request that reaches no handler: the status of gRPC and that of HTTP.
struct Refusal: Error, Equatable {
  let code: Status.Code
  let message: String
  /// 200 except where the request is not gRPC at all.
  let httpStatus: HTTPStatus
  /// What the `grpc-accept-encoding` header of the answer is needed for.
  var namesEncodings = false

  enum HTTPStatus: String {
    case ok = "200"
    case badRequest = "400"
    case methodNotAllowed = "405"
    case unsupportedMediaType = "415"
  }

  init(_ code: Status.Code, _ message: String, http: HTTPStatus = .ok) {
    self.code = code
    self.message = message
    httpStatus = http
  }

  var status: Status { Status(code: code, message: message) }
}
