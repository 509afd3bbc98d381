import NIOCore

/// What all connections of an endpoint share: what they may use, what they serve, where they log.
struct ConnectionService: Sendable {
  private(set) var limits: ConnectionLimits
  let methods: MethodTable
  let log: ConnectionLog
  let handler: ServerCall.Handler

  init(limits: ConnectionLimits, methods: MethodTable, log: ConnectionLog, handler: @escaping ServerCall.Handler) {
    self.limits = limits
    self.methods = methods
    self.log = log
    self.handler = handler
  }

  /// For a connection with an age of its own.
  func with(age: TimeAmount) -> ConnectionService {
    var service = self
    service.limits.age = age
    return service
  }
}
