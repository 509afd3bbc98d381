package import GRPCCore
import GRPCProtobuf
package import SwiftProtobuf

/// A method of a service made up for a test.
package protocol FakeMethod: Sendable {
  func register<Transport: ServerTransport>(with router: inout RPCRouter<Transport>)
}

/// A method that answers one message with one.
package struct Unary<Input: Message, Output: Message>: FakeMethod {
  private let method: MethodDescriptor
  private let requires: RequiredHeader
  private let answer: @Sendable (Input) async throws -> Output

  /// - Parameter requires: a header without which the call is refused.
  package init(
    _ method: MethodDescriptor, requires: (key: String, value: String)? = nil,
    _ answer: @escaping @Sendable (Input) async throws -> Output
  ) {
    self.method = method
    self.requires = RequiredHeader(requires)
    self.answer = answer
  }

  package func register<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Input>(), serializer: ProtobufSerializer<Output>()
    ) { request, _ in
      try requires.check(request.metadata)
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(single: ServerResponse(message: try await answer(message)))
    }
  }
}

/// A method that answers one message with a stream, given as the messages and the error that ends it.
package struct Stream<Input: Message, Output: Message>: FakeMethod {
  private let method: MethodDescriptor
  private let requires: RequiredHeader
  private let answer: @Sendable (Input, RPCWriter<Output>) async throws -> Void

  /// - Parameter requires: a header without which the call is refused.
  package init(
    _ method: MethodDescriptor, requires: (key: String, value: String)? = nil,
    _ answer: @escaping @Sendable (Input, RPCWriter<Output>) async throws -> Void
  ) {
    self.method = method
    self.requires = RequiredHeader(requires)
    self.answer = answer
  }

  package func register<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Input>(), serializer: ProtobufSerializer<Output>()
    ) { request, _ in
      try requires.check(request.metadata)
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse { writer in
        try await answer(message, writer)
        return [:]
      }
    }
  }
}

/// The methods under one roof, for an endpoint.
package struct FakeServices: RegistrableRPCService {
  private let methods: [any FakeMethod]

  package init(_ methods: [any FakeMethod]) { self.methods = methods }

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for method in methods { method.register(with: &router) }
  }
}

/// A header without which a made-up method refuses the call.
private struct RequiredHeader: Sendable {
  private let header: (key: String, value: String)?

  init(_ header: (key: String, value: String)?) { self.header = header }

  func check(_ metadata: Metadata) throws {
    guard let header, !metadata[stringValues: header.key].contains(header.value) else { return }
    throw RPCError(code: .invalidArgument, message: "security header missing from request")
  }
}
