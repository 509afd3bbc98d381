package import SPIREProtos

extension Grpc_Health_V1_HealthCheckResponse.ServingStatus {
  /// The status under its name in the proto, `NOT_SERVING`.
  package var protoName: String {
    switch self {
    case .unknown: "UNKNOWN"
    case .serving: "SERVING"
    case .notServing: "NOT_SERVING"
    case .serviceUnknown: "SERVICE_UNKNOWN"
    case .UNRECOGNIZED(let number): String(number)
    }
  }
}
