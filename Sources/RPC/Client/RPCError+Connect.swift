package import GRPCCore

extension RPCError {
  /// The reason why there was no connection to make the call on, if that is why it failed.
  package var connectError: ConnectError? { cause as? ConnectError }
}
