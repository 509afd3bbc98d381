import GRPCCore
import SPIREProtos
import SwiftProtobuf

/// What one reflection stream is told, question by question. Remembers the files that it has handed out, so that each is
/// sent once; the stream's own value.
struct ReflectionAnswers {
  let index: DescriptorIndex
  let services: [String]
  private var sent: Set<String> = []

  init(index: DescriptorIndex, services: [String]) {
    self.index = index
    self.services = services
  }

  /// - Throws: ``RPCFailure`` when nothing was asked, which ends the stream as grpc-go does.
  mutating func answer(
    _ request: Grpc_Reflection_V1_ServerReflectionRequest
  ) throws -> Grpc_Reflection_V1_ServerReflectionResponse {
    var response = Grpc_Reflection_V1_ServerReflectionResponse()
    response.validHost = request.host
    response.originalRequest = request
    switch request.messageRequest {
    case .fileByFilename(let name):
      response.messageResponse = files(index.contains(file: name) ? name : nil)
    case .fileContainingSymbol(let symbol):
      response.messageResponse = files(index.file(declaring: symbol))
    case .fileContainingExtension:
      // proto3 files of ours declare none.
      response.messageResponse = Self.notFound
    case .allExtensionNumbersOfType(let type):
      if index.isMessage(type) {
        response.allExtensionNumbersResponse = .with { $0.baseTypeName = type }
      } else {
        response.messageResponse = Self.notFound
      }
    case .listServices:
      response.listServicesResponse = .with { list in
        list.service = services.map { name in .with { $0.name = name } }
      }
    case nil:
      throw RPCFailure(.invalidArgument, "invalid MessageRequest: <nil>")
    }
    return response
  }

  private mutating func files(
    _ name: String?
  ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
    guard let name else { return Self.notFound }
    return .fileDescriptorResponse(.with { $0.fileDescriptorProto = index.closure(of: name, sent: &sent) })
  }

  private static let notFound = Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse.errorResponse(
    .with {
      $0.errorCode = Int32(Status.Code.notFound.rawValue)
      $0.errorMessage = "proto: not found"
    })
}
