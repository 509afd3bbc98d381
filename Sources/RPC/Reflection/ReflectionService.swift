package import GRPCCore
import GRPCProtobuf
import SPIREProtos
import Synchronization

/// gRPC server reflection, under its name and the older one (`v1alpha`): tools like grpcurl list and call an endpoint's
/// methods without proto files.
///
/// A daemon adds it to an endpoint's services. The descriptors are parsed at the first call; a `Mutex` guards that.
package final class ReflectionService: RegistrableRPCService {
  private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  private static let descriptors =
    Grpc_Reflection_V1_ServerReflection.Method.descriptors + Grpc_Reflection_V1alpha_ServerReflection.Method.descriptors

  private let names: [String]
  private let sets: [String]
  private let index = Mutex<DescriptorIndex?>(nil)

  /// - Parameters:
  ///   - services: what the endpoint serves beside reflection.
  ///   - descriptorSets: serialized `google.protobuf.FileDescriptorSet`s in base64, beside those of `SPIREProtos`.
  package init(of services: [any RegistrableRPCService], descriptorSets: [String] = []) {
    var router = RPCRouter<NoTransport>()
    for service in services { service.registerMethods(with: &router) }
    names = Set((router.methods + Self.descriptors).map(\.service.fullyQualifiedService)).sorted()
    sets = [SPIREProtosDescriptors.base64] + descriptorSets
  }

  /// The rows of the service.
  package static func policies(callers: MethodPolicy.Callers) -> [MethodPolicy] {
    descriptors.map { MethodPolicy($0, callers: callers, audit: .none) }
  }

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    // The messages of both versions are the same on the wire.
    for descriptor in Self.descriptors {
      router.registerHandler(
        forMethod: descriptor, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
      ) { [self] (request: StreamingServerRequest<Request>, _) -> StreamingServerResponse<Response> in
        let index = try loadedIndex()
        return StreamingServerResponse { [names] writer in
          var answers = ReflectionAnswers(index: index, services: names)
          for try await question in request.messages { try await writer.write(try answers.answer(question)) }
          return [:]
        }
      }
    }
  }

  private func loadedIndex() throws -> DescriptorIndex {
    try index.withLock { index in
      if let index { return index }
      let loaded = try DescriptorIndex(sets: sets)
      index = loaded
      return loaded
    }
  }

  /// Stands for a transport where only the names of methods are wanted.
  private struct NoTransport: ServerTransport {
    typealias Bytes = [UInt8]
    func listen(
      streamHandler: @escaping @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
    ) async throws {}
    func beginGracefulShutdown() {}
  }
}
