import Daemon
import GRPCCore
import GRPCProtobuf
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import RPC

@Suite struct ReflectionServiceTests {
  private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  /// Asks `questions` on one stream of the method `descriptor`.
  private func ask(
    _ questions: [Request],
    _ descriptor: MethodDescriptor = Grpc_Reflection_V1_ServerReflection.Method
      .ServerReflectionInfo.descriptor
  ) async throws -> [Response] {
    let folder = try SocketFolder()
    let path = folder.socket
    let services: [any RegistrableRPCService] = [TestService()]
    return try await withEndpoint(
      folder.listen(), services: services + [ReflectionService(of: services)],
      interceptors: [testInterceptor(ReflectionService.policies(callers: .local))]
    ) { _, _ in
      try await withUnixClient(path) { client in
        try await client.bidirectionalStreaming(
          request: StreamingClientRequest { writer in for question in questions { try await writer.write(question) } },
          descriptor: descriptor, serializer: ProtobufSerializer<Request>(),
          deserializer: ProtobufDeserializer<Response>(), options: .within(.seconds(10))
        ) { response in
          var answers: [Response] = []
          for try await answer in response.messages { answers.append(answer) }
          return answers
        }
      }
    }
  }

  private func files(_ response: Response) throws -> [String] {
    try response.fileDescriptorResponse.fileDescriptorProto.map {
      try Google_Protobuf_FileDescriptorProto(serializedBytes: $0).name
    }
  }

  @Test(arguments: [
    Grpc_Reflection_V1_ServerReflection.Method.ServerReflectionInfo.descriptor,
    Grpc_Reflection_V1alpha_ServerReflection.Method.ServerReflectionInfo.descriptor,
  ])
  func bothVersionsNameTheServices(descriptor: MethodDescriptor) async throws {
    let answers = try await ask(
      [
        .with {
          $0.host = "h"; $0.listServices = "*"
        }
      ], descriptor)
    #expect(
      answers.first?.listServicesResponse.service.map(\.name) == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
      ])
    #expect(answers.first?.validHost == "h")
    #expect(answers.first?.originalRequest.listServices == "*")
  }

  @Test func filesComeWithTheirImportsEachOncePerStream() async throws {
    let answers = try await ask([
      .with { $0.fileContainingSymbol = "spire.api.server.entry.v1.Entry.GetEntry" },
      .with { $0.fileByFilename = "spire/api/types/entry.proto" },
      .with { $0.fileContainingSymbol = "grpc.health.v1.HealthCheckResponse.SERVING" },
      .with { $0.fileContainingSymbol = "grpc.health.v1.HealthCheckRequest.service" },
    ])
    let first = try files(answers[0])
    #expect(first.first == "spire/api/server/entry/v1/entry.proto")
    #expect(first.contains("spire/api/types/spiffeid.proto") && first.contains("google/protobuf/wrappers.proto"))
    #expect(Set(first).count == first.count)
    #expect(try files(answers[1]) == ["spire/api/types/entry.proto"])
    #expect(try files(answers[2]) == ["grpc/health/v1/health.proto"])
    #expect(try files(answers[3]) == ["grpc/health/v1/health.proto"])
  }

  @Test func whatIsNotThereIsSaidAndTheStreamGoesOn() async throws {
    let answers = try await ask([
      .with { $0.fileByFilename = "none.proto" }, .with { $0.fileContainingSymbol = "none" },
      .with { $0.fileContainingExtension = .with { $0.containingType = "grpc.health.v1.HealthCheckRequest" } },
      .with { $0.allExtensionNumbersOfType = "none" },
      .with { $0.allExtensionNumbersOfType = "grpc.health.v1.HealthCheckRequest" },
    ])
    #expect(answers.prefix(4).map(\.errorResponse.errorCode) == [5, 5, 5, 5])
    #expect(answers.last?.allExtensionNumbersResponse.baseTypeName == "grpc.health.v1.HealthCheckRequest")
    let error = await #expect(throws: RPCError.self) { _ = try await ask([Request()]) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func theDescriptorsThatAreBuiltInCanBeRead() throws {
    let index = try DescriptorIndex(sets: [SPIREProtosDescriptors.base64])
    #expect(index.file(declaring: "spire.api.server.svid.v1.SVID") == "spire/api/server/svid/v1/svid.proto")
    #expect(index.isMessage("spire.api.types.Entry"))
    #expect(throws: (any Error).self) { try DescriptorIndex(sets: ["/////w=="]) }
  }
}
