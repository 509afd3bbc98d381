package import GRPCCore

/// Methods that have a row but no implementation yet: UNIMPLEMENTED to those who may call them, the usual refusal to all
/// others.
///
/// List it before the services that implement some of them; the later registration wins.
///
/// ```swift
/// services: [UnimplementedMethods(Spire_Api_Server_Trustdomain_V1_TrustDomain.Method.descriptors), svid, ...]
/// ```
package struct UnimplementedMethods: RegistrableRPCService {
  private let descriptors: [MethodDescriptor]

  package init(_ descriptors: [MethodDescriptor]) { self.descriptors = descriptors }

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for descriptor in descriptors {
      router.registerHandler(forMethod: descriptor, deserializer: Ignored(), serializer: Ignored()) {
        (_: StreamingServerRequest<Nothing>, _) -> StreamingServerResponse<Nothing> in
        throw RPCFailure(.unimplemented, "method \(descriptor.method) not implemented")
      }
    }
  }

  private struct Nothing: Sendable {}

  private struct Ignored: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: Nothing) throws -> Bytes { Bytes([]) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Nothing { Nothing() }
  }
}
