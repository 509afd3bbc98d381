import GRPCCore

/// `bench.Echo`: `Echo` answers one message with the same bytes, `Open` does so at once and then keeps the stream open.
///
/// It serves the benchmark only, from ``EchoServer``; it has no state.
struct EchoService: RegistrableRPCService {
  private static let echo = MethodDescriptor(fullyQualifiedService: "bench.Echo", method: "Echo", type: .unary)
  private static let open = MethodDescriptor(
    fullyQualifiedService: "bench.Echo", method: "Open", type: .serverStreaming)

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(forMethod: Self.echo, deserializer: Raw(), serializer: Raw()) { request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(single: ServerResponse(message: message))
    }
    router.registerHandler(forMethod: Self.open, deserializer: Raw(), serializer: Raw()) { request, context in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse { writer in
        try await writer.write(message)
        try await context.cancellation.cancelled
        return [:]
      }
    }
  }

  private struct Raw: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
      bytes.withUnsafeBytes { Array($0) }
    }
  }
}
