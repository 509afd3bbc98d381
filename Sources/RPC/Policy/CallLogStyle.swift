import Logging

/// Which fields a daemon puts into its records about calls.
package enum CallLogStyle: Sendable {
  /// `request_id`, `service`, `method`, `caller_addr`, `caller_id`, `authorized_as`, `authorized_via` (spire-server).
  case server
  /// `service`, `method`, `pid` (spire-agent).
  case agent

  func logger(_ base: Logger, policy: MethodPolicy, caller: Caller, requestID: String) -> Logger {
    var logger = base
    logger[metadataKey: "service"] = "\(policy.names.service)"
    logger[metadataKey: "method"] = "\(policy.names.method)"
    switch self {
    case .server:
      logger[metadataKey: "request_id"] = "\(requestID)"
      if let address = caller.address { logger[metadataKey: "caller_addr"] = "\(address)" }
      if let id = caller.id { logger[metadataKey: "caller_id"] = "\(id)" }
    case .agent:
      if let process = caller.process { logger[metadataKey: "pid"] = .stringConvertible(process.pid) }
    }
    return logger
  }
}
